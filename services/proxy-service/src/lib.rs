//! Opens the caller's own connection and talks to its database.
