//! Every service in one process, with an embedded Postgres: for development.
