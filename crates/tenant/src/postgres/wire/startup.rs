//! From a fresh stream to a session that takes statements.

use std::time::Duration;

use bytes::BytesMut;
use postern_domain::{PostgresEndpoint, Secret};
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use super::{
    Wire,
    binding::Binding,
    message::{self, Reader, Transaction},
    refusal::refusal,
    scram,
};
use crate::TenantError;

/// Time for TLS, and again for signing in, whatever the caller's own deadline allows.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// What `BackendKeyData` gives: with it, anyone may cancel the connection's statement, so it is kept like a secret.
#[derive(Clone, Copy)]
pub(crate) struct CancelKey {
    pub process: i32,
    pub secret: i32,
}

/// Asks for TLS. The server answers with the one byte `S`, unless it has none; anything after it that arrives before
/// our first TLS record was put there by somebody else.
pub(crate) async fn request_tls<S>(stream: &mut S, until: Instant) -> Result<(), TenantError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    let mut answer = [0; 2];
    let exchange = async {
        stream.write_all(&request).await?;
        stream.flush().await?;
        stream.read(&mut answer).await
    };
    let read = timeout_at(until, exchange).await.map_err(|_| TenantError::Timeout)?;
    match (read.map_err(|_| TenantError::Closed)?, answer[0]) {
        (0, _) => Err(TenantError::Closed),
        (1, b'S') => Ok(()),
        (1, b'N') => Err(TenantError::TlsNotOffered),
        (_, b'S') => Err(TenantError::Protocol("bytes before TLS began")),
        // An error in clear text could come from anyone on the way, so it is not read.
        _ => Err(TenantError::Protocol("no answer to the request for TLS")),
    }
}

/// Signs in, and waits until the server takes statements. Gives the key for cancelling, where the server has one.
pub(crate) async fn sign_in(
    wire: &mut Wire,
    binding: Binding,
    endpoint: &PostgresEndpoint,
    password: &Secret,
    until: Instant,
) -> Result<Option<CancelKey>, TenantError> {
    // The parameters that PgBouncer takes by default, and no other: it refuses a sign-in for an unknown one.
    let parameters = [
        ("user", endpoint.user.as_str()),
        ("database", endpoint.database.as_str()),
        ("application_name", "postern"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO"),
        ("TimeZone", "UTC"),
        ("standard_conforming_strings", "on"),
    ];
    wire.begin();
    frontend::startup_message(parameters, &mut wire.output)
        .map_err(|_| TenantError::InvalidStatement("the user or the database holds a NUL character"))?;
    wire.flush(until).await?;
    scram::prove(wire, binding, password, until).await?;
    wait_until_ready(wire, until).await
}

async fn wait_until_ready(wire: &mut Wire, until: Instant) -> Result<Option<CancelKey>, TenantError> {
    let mut key = None;
    loop {
        match wire.next(until).await? {
            b'K' if key.is_none() => key = Some(cancel_key(wire.body())?),
            b'Z' if message::transaction(wire.body())? == Transaction::None => return Ok(key),
            b'E' => return Err(refusal(wire.body())),
            _ => return Err(TenantError::Protocol("an unexpected message after the sign-in")),
        }
    }
}

fn cancel_key(body: &[u8]) -> Result<CancelKey, TenantError> {
    let mut reader = Reader::new(body);
    let key = CancelKey { process: reader.i32()?, secret: reader.i32()? };
    reader.end()?;
    Ok(key)
}

#[cfg(test)]
#[path = "startup_tests.rs"]
mod tests;
