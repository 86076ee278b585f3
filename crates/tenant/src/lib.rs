//! Drivers for tenant databases, their pools, and the guard against hostile servers.
