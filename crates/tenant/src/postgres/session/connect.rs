//! Opens a session with a tenant's server, over a stream from `egress`.

use std::{future::Future, pin::Pin, sync::Arc};

use postern_domain::{Host, PostgresEndpoint, Secret, TlsMode};
use postern_egress::{Dialer, tls};
use rustls::ClientConfig;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    PostgresSession,
    cancel::{Canceller, Open, Opened},
    names::Names,
};
use crate::{
    TenantError,
    postgres::wire::{
        Wire,
        binding::Binding,
        startup::{self, HANDSHAKE},
    },
};

/// Port on which poolers in transaction mode listen by convention. Behind one, each transaction may reach another
/// server process, so no named statements are used there.
const TRANSACTION_POOLER: u16 = 6543;

/// Dials, sets up TLS and signs in, by the deadline at the latest.
pub async fn connect(
    dialer: &Dialer,
    endpoint: &PostgresEndpoint,
    password: &Secret,
    deadline: Instant,
) -> Result<PostgresSession, TenantError> {
    let way = GuardedWay::new(dialer.clone(), endpoint)?;
    connect_over(Arc::new(way), endpoint, password, deadline).await
}

/// The same over any kind of stream.
pub(crate) async fn connect_over(
    way: Arc<dyn Open>,
    endpoint: &PostgresEndpoint,
    password: &Secret,
    deadline: Instant,
) -> Result<PostgresSession, TenantError> {
    let names = Names::random()?;
    let opened = way.open(deadline).await?;
    let mut wire = Wire::new(opened.stream);
    let until = deadline.min(Instant::now() + HANDSHAKE);
    let signing_in = startup::sign_in(&mut wire, opened.binding, endpoint, password, until);
    let key = signing_in.await.map_err(unanswered)?;
    let pooled_by_transaction = endpoint.port == TRANSACTION_POOLER;
    Ok(PostgresSession::new(wire, Canceller { way, key }, names, pooled_by_transaction))
}

/// No statement has run yet, so the message must not blame a slow query.
fn unanswered(error: TenantError) -> TenantError {
    match error {
        TenantError::Timeout => TenantError::Unanswered,
        other => other,
    }
}

/// Opens streams with [`Dialer`], and with TLS if the endpoint requires it.
struct GuardedWay {
    dialer: Dialer,
    host: Host,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

impl GuardedWay {
    fn new(dialer: Dialer, endpoint: &PostgresEndpoint) -> Result<Self, TenantError> {
        let tls = match endpoint.tls_mode {
            TlsMode::VerifyFull => Some(tls::client_config(Some(endpoint.ca.as_pem()))?),
            TlsMode::Disable => None,
        };
        Ok(Self { dialer, host: endpoint.host.clone(), port: endpoint.port, tls })
    }

    async fn open_guarded(&self, until: Instant) -> Result<Opened, TenantError> {
        let dialing = timeout_at(until, self.dialer.dial(&self.host, self.port));
        let stream = dialing.await.map_err(|_| TenantError::Timeout)??.stream;
        match &self.tls {
            Some(config) => self.secure(stream, config, until).await.map_err(unanswered),
            None => Ok(Opened { stream: Box::new(stream), binding: Binding::None }),
        }
    }

    async fn secure(
        &self,
        mut stream: TcpStream,
        config: &Arc<ClientConfig>,
        until: Instant,
    ) -> Result<Opened, TenantError> {
        let until = until.min(Instant::now() + HANDSHAKE);
        startup::request_tls(&mut stream, until).await?;
        let securing = timeout_at(until, tls::connect_tls(stream, Arc::clone(config), &self.host));
        let stream = securing.await.map_err(|_| TenantError::Timeout)??;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let binding = certificate.map_or(Binding::None, |der| Binding::to_certificate(der));
        Ok(Opened { stream: Box::new(stream), binding })
    }
}

impl Open for GuardedWay {
    fn open(&self, until: Instant) -> Pin<Box<dyn Future<Output = Result<Opened, TenantError>> + Send + '_>> {
        Box::pin(self.open_guarded(until))
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
