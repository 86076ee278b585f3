//! Access to the parsers for `tests/fuzz`, without a network.
//!
//! These functions take any stream, so they bypass `egress`. They are behind the feature `fuzzing`, which only the fuzz
//! targets may enable; a test enforces that.

use std::{future::Future, pin::Pin, sync::Arc};

use postern_domain::{AccessMode, PostgresEndpoint, Secret};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::{
    Column, PostgresSession, RowBatch, TenantError,
    postgres::result::batch::BatchBuilder,
    postgres::session::{
        cancel::{Canceller, Open, Opened},
        dirt::Leaves,
        names::Names,
    },
    postgres::wire::{Wire, binding::Binding, startup},
};

/// Signs in over this stream, without TLS.
pub async fn sign_in(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    endpoint: &PostgresEndpoint,
    password: &Secret,
    until: Instant,
) -> Result<(), TenantError> {
    let mut wire = Wire::new(Box::new(stream));
    startup::sign_in(&mut wire, Binding::None, endpoint, password, until).await.map(drop)
}

/// A session over a stream that has already signed in. Its statements cannot be cancelled.
pub fn session(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> PostgresSession {
    let canceller = Canceller { way: Arc::new(NoWay), key: None };
    PostgresSession::new(Wire::new(Box::new(stream)), canceller, Names::new(1), false)
}

/// Whether a statement with this text is judged to leave nothing behind in its session.
pub fn is_harmless(sql: &str, access_mode: AccessMode) -> bool {
    Leaves::by(sql).is_harmless(access_mode)
}

/// Reads the bodies of `DataRow`s for columns of these types, in binary form where that is preferred, or all as text.
/// `None` if there are no rows.
pub fn read_rows(type_oids: &[u32], binary: bool, bodies: &[&[u8]]) -> Result<Option<RowBatch>, TenantError> {
    let columns: Vec<_> = type_oids.iter().map(|&oid| Column::new("c", oid)).collect();
    let mut batch = BatchBuilder::new(&columns, binary);
    bodies.iter().try_for_each(|body| batch.push(body))?;
    Ok(batch.take())
}

/// The server of such a session accepts no second connection.
struct NoWay;

impl Open for NoWay {
    fn open(&self, _: Instant) -> Pin<Box<dyn Future<Output = Result<Opened, TenantError>> + Send + '_>> {
        Box::pin(async { Err(TenantError::Closed) })
    }
}
