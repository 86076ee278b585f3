//! Turns a new stream into a session that accepts statements.

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

/// Time for TLS, and the same for signing in, even if the caller's deadline is later.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// The content of `BackendKeyData`. Anyone who has it can cancel the connection's statement, so it is never shown.
#[derive(Clone, Copy)]
pub(crate) struct CancelKey {
    pub process: i32,
    pub secret: i32,
}

/// Asks for TLS. A server that supports it answers with the single byte `S`; anything more before our first TLS record
/// was injected.
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
        // An error in clear text could come from an attacker in between, so it is not read.
        _ => Err(TenantError::Protocol("no answer to the request for TLS")),
    }
}

/// Signs in, and waits until the server accepts statements. Returns the key for cancelling, if the server sends one.
pub(crate) async fn sign_in(
    wire: &mut Wire,
    binding: Binding,
    endpoint: &PostgresEndpoint,
    password: &Secret,
    until: Instant,
) -> Result<Option<CancelKey>, TenantError> {
    // Only parameters that PgBouncer accepts by default: it refuses a sign-in with an unknown one.
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
