//! The control database: its schema, its roles, and the only ways to read and write it.
//!
//! * [`roles`] and [`migrate`] prepare a database. For operators and the development server.
//! * [`ConnectionStore`] reads and writes a user's rows, never a seal, and exports and erases all of them. For
//!   connection-service, and for operators.
//! * [`ProxyStore`] looks up a user's connection and reads its seals. Writes nothing. For proxy-service.
//! * [`DenialStore`] withdraws access, which the other two check in every call. For operators.
//! * [`RewrapStore`] replaces the seals of all users, and writes nothing else. For the rewrap job.
//!
//! Every store refuses to start with a role that could bypass row level security, or with an older schema.

mod connect;
mod connections;
mod database;
mod denials;
mod error;
mod fair;
mod literal;
mod migrate;
mod proxy;
pub mod roles;
mod secrets;
mod turns;
mod user_data;

pub use connect::{Transport, host, transport};
pub use connections::{Change, ConnectionStore, NewSecret, OwnConnection, OwnSecret, SavedConnection};
pub use database::Scope;
pub use denials::{Denial, DenialStore, Denied};
pub use error::{Remedy, StoreError};
pub use migrate::{SCHEMA_VERSION, migrate, migrations};
pub use postern_domain::PoolOptions;
pub use proxy::ProxyStore;
pub use roles::Role;
pub use secrets::{Place, RewrapLock, RewrapStore, SealCount, SealRow, StoredSeal, StoredSecret};
pub use user_data::{Erased, ErasedTable, StoredConnection, StoredSecretLabel, TableCount, UserData};
