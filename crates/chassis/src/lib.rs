//! How every service runs: configuration, mutual TLS, access, health, reflection, logs, drain.
