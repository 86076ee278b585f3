//! The control database: its schema, its roles, and the only ways to read and write it.
//!
//! * [`roles`] and [`migrate`] prepare a database. For operators and the development server.
//! * [`ConnectionStore`] reads and writes a user's rows, never a seal. For connection-service.
//! * [`ProxyStore`] looks up a user's connection and reads its seals. Writes nothing. For proxy-service.
//! * [`RewrapStore`] replaces the seals of all users, and writes nothing else. For the rewrap job.
//!
//! Every store refuses to start with a role that could bypass row level security, or with an older schema.

mod connect;
mod connections;
mod database;
mod error;
mod fair;
mod literal;
mod migrate;
mod proxy;
pub mod roles;
mod secrets;

pub use connect::{Transport, transport};
pub use connections::{Change, ConnectionStore, NewSecret, OwnConnection, OwnSecret, SavedConnection};
pub use error::{Remedy, StoreError};
pub use migrate::{SCHEMA_VERSION, migrate};
pub use postern_domain::PoolOptions;
pub use proxy::ProxyStore;
pub use roles::Role;
pub use secrets::{Place, RewrapStore, SealCount, SealRow, StoredSeal, StoredSecret, Turn};
