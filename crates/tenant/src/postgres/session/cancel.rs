//! Asking a server to cancel what another connection runs.

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

/// A stream to a tenant's server, secured as the endpoint asks, on which nothing was said yet.
pub(crate) struct Opened {
    pub stream: BoxedStream,
    pub binding: Binding,
}

/// A way to open streams to one server, through the guard each time.
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
    /// Sends a `CancelRequest` and waits until the server has taken it, which it says by closing the connection.
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

    /// The same in the background, for callers that are being dropped. Outside a runtime, nothing.
    pub(crate) fn cancel_in_background(&self) {
        let canceller = self.clone();
        background::spawn(async move {
            let _ = canceller.cancel().await;
        });
    }
}
