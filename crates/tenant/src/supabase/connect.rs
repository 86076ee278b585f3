//! Opens a connection to a project, over a stream from `egress`.

use std::time::Duration;

use postern_domain::supabase::{SupabaseEndpoint, SupabaseKey};
use postern_egress::{Dialer, tls};
use tokio::time::{Instant, timeout_at};

use super::{SupabaseConnection, SupabaseError, head::Common, link::Link};

/// Time for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Dials the project and verifies its certificate, by the deadline at the latest. The key is first sent with the first
/// request, and then with each.
pub async fn connect(
    dialer: &Dialer,
    endpoint: &SupabaseEndpoint,
    key: &SupabaseKey,
    deadline: Instant,
) -> Result<SupabaseConnection, SupabaseError> {
    let config = tls::client_config(Some(endpoint.ca.as_pem()))?;
    let dialing = timeout_at(deadline, dialer.dial(endpoint.url.host(), endpoint.url.port()));
    let reached = dialing.await.map_err(|_| SupabaseError::Timeout)??;
    let until = deadline.min(Instant::now() + HANDSHAKE);
    let securing = timeout_at(until, tls::connect_tls(reached.stream, config, &reached.host));
    let stream = securing.await.map_err(|_| SupabaseError::Unanswered)??;
    let link = Link::new(stream).await?;
    Ok(SupabaseConnection::new(link, endpoint.clone(), Common::new(endpoint, key)))
}
