//! Supabase projects as tenants: the project's URL, its keys, and the settings of a connection to it.

mod endpoint;
mod key;
mod project_url;
mod schema;

pub use endpoint::{Services, SupabaseEndpoint};
pub use key::{InvalidKey, KeySort, ServingKey, SupabaseKey};
pub use project_url::{InvalidProjectUrl, ProjectUrl};
pub use schema::{InvalidSchema, SchemaName};
