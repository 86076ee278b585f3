//! Asks a server to cancel the statement of a connection.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout_at},
};

use crate::{
    TenantError, background,
    postgres::wire::{BoxedStream, binding::Binding, startup::CancelKey},
};

/// A new stream to a tenant's server, with TLS if the endpoint requires it. Nothing else was sent on it yet.
pub(crate) struct Opened {
    pub stream: BoxedStream,
    pub binding: Binding,
}

/// Opens streams to one server, each of them through `egress`.
pub(crate) trait Open: Send + Sync + 'static {
    fn open(&self, until: Instant) -> Pin<Box<dyn Future<Output = Result<Opened, TenantError>> + Send + '_>>;
}

/// Cancels the statements of one connection over connections of their own.
#[derive(Clone)]
pub(crate) struct Canceller {
    pub way: Arc<dyn Open>,
    pub key: Option<CancelKey>,
}

/// Time for a cancellation.
const BUDGET: Duration = Duration::from_secs(2);

impl Canceller {
    /// Sends a `CancelRequest` and waits until the server has processed it, which it shows by closing the connection.
    pub(crate) async fn cancel(&self) -> Result<(), TenantError> {
        let key = self.key.ok_or(TenantError::Protocol("no key for cancelling"))?;
        let until = Instant::now() + BUDGET;
        let opened = timeout_at(until, self.way.open(until)).await.map_err(|_| TenantError::Timeout)?;
        let mut stream = opened?.stream;
        let mut request = BytesMut::new();
        frontend::cancel_request(key.process, key.secret, &mut request);
        let exchange = async {
            stream.write_all(&request).await?;
            stream.flush().await?;
            stream.read(&mut [0]).await
        };
        // How the server closes the connection does not matter.
        timeout_at(until, exchange).await.map(drop).map_err(|_| TenantError::Timeout)
    }

    /// The same in the background, for callers that are being dropped. Does nothing outside a runtime.
    pub(crate) fn cancel_in_background(&self) {
        let canceller = self.clone();
        background::spawn(async move {
            let _ = canceller.cancel().await;
        });
    }
}
