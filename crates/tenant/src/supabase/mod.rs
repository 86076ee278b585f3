//! One HTTP request at a time to a Supabase project, answered as a stream.
//!
//! The project's gateway is an attacker, like any tenant's server, and so is the author of the request. A request is
//! built from encoded parts, never from concatenated text; only this module sets the key's headers; heads are bounded
//! before they are buffered, bodies pass through in chunks, nothing is decompressed and no redirect is followed.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use postern_domain::supabase::{SupabaseEndpoint, SupabaseKey};
//! # use postern_egress::Dialer;
//! # use postern_tenant::supabase::{self, Bounds, Method, Request, Service, SupabaseError};
//! # use tokio::time::Instant;
//! # async fn example(dialer: Dialer, endpoint: SupabaseEndpoint, key: SupabaseKey) -> Result<(), SupabaseError> {
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let mut connection = supabase::connect(&dialer, &endpoint, &key, deadline).await?;
//! let mut request = Request::new(Method::Get, Service::Rest, ["orders"]);
//! request.query.push(("select".into(), "id,total".into()));
//! let bounds = Bounds { head: deadline, deadline, body_bytes: 16 << 20 };
//! let mut response = connection.send(&request, &bounds).await?;
//! while let Some(chunk) = response.next_chunk().await? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(()) }
//! ```

mod connect;
mod connection;
mod error;
mod head;
mod headers;
pub mod hints;
mod link;
mod request;
mod response;
mod target;

pub use connect::connect;
pub use connection::{Bounds, SupabaseConnection};
pub use error::{InvalidRequest, SupabaseError};
pub use request::{Method, REQUEST_BODY_BYTES, Request, Service};
pub use response::Response;
