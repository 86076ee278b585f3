//! Parts for tests: a whole Postern, a tenant's Postgres, users, servers that hold roots. A dev-dependency only.
//!
//! Everything is real: servers, certificates, tokens and policies are those of the development server, in folders of
//! their own. One Postern and one tenant server serve all tests of a binary, so tests keep to users and databases of
//! their own, which [`Postern::user`] and [`TenantServer::database`] make.

mod collector;
mod envoy;
mod install;
mod issuer;
mod moto;
mod node;
mod openbao;
mod pgbouncer;
mod postern;
mod postgrest;
mod python;
mod relay;
mod replica;
mod runtime;
mod supabase;
mod tenant;
mod user;

pub use collector::Collector;
pub use envoy::{Envoy, Upstream};
pub use issuer::Issuer;
pub use moto::Moto;
pub use node::NodePackages;
pub use openbao::OpenBao;
pub use pgbouncer::PgBouncer;
pub use postern::Postern;
pub use postern_chassis::lifecycle::StopTimes;
pub use postern_domain::SystemClock;
pub use postern_standalone::ISSUER;
pub use relay::Relay;
pub use replica::{Replica, ReplicaOptions};
pub use supabase::{Keys, Outcome, SeenRequest, SupabaseProject};
pub use tenant::{TenantDatabase, TenantServer};
pub use user::{Rows, User, reason};

use std::{os::unix::fs::PermissionsExt, path::PathBuf};

use tempfile::TempDir;

/// A folder for one server. `cargo xtask test` names a place for all of them and removes it at the end.
pub fn folder() -> TempDir {
    let base = std::env::var_os("POSTERN_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(base).expect("a temporary folder can be made");
    // Root's Postgres runs as another user, who must be able to pass through.
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(folder.path(), open).expect("an own folder's mode can be set");
    folder
}
