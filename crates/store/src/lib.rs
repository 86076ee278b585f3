//! The control database: its schema, its roles, and the only ways in.
//!
//! * [`roles`] and [`admin`] prepare a database: its roles, and its schema. For operators and the development server.
//! * [`ConnectionStore`] reads and writes a user's rows, never a seal. For connection-service.
//! * [`ProxyStore`] resolves a user's row with its seal, and writes nothing. For proxy-service.
//! * [`RewrapStore`] replaces the seals of all users, and writes nothing else. For the rewrap job.
//!
//! All stores refuse to start with a role that row level security would not hold, or with an older schema.

pub mod admin;
mod connections;
mod error;
mod resolve;
mod rewrap;
mod role;
pub mod roles;
mod row;
mod scope;

pub use connections::{Change, ConnectionStore, SealedSecret};
pub use error::StoreError;
pub use resolve::{ProxyStore, Resolved};
pub use rewrap::{Place, RewrapStore, SealCount, SealRow, StoredSeal, Turn};
pub use role::{Role, SCHEMA_VERSION, Transport, transport};
pub use row::SavedConnection;
