//! Scripted servers for tests, over pipes in memory.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::Instant,
};

use crate::{
    PostgresSession, TenantError,
    postgres::session::{
        cancel::{Canceller, Open, Opened},
        names::Names,
    },
    postgres::wire::{Wire, binding::Binding, startup::CancelKey},
};

/// A deadline that no test should reach.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A pipe: our end and the server's.
pub(crate) fn pipe() -> (DuplexStream, Server) {
    let (ours, theirs) = duplex(1 << 20);
    (ours, Server(theirs))
}

/// A signed-in session, its server, and the streams for its cancellations.
pub(crate) fn session() -> (PostgresSession, Server, Arc<Way>) {
    let (ours, server) = pipe();
    let way = Arc::new(Way::default());
    let opener: Arc<dyn Open> = Arc::<Way>::clone(&way);
    let canceller = Canceller { way: opener, key: Some(CancelKey { process: 7, secret: 9 }) };
    let names = Names::random().unwrap();
    (PostgresSession::new(Wire::new(Box::new(ours)), canceller, names, false), server, way)
}

/// The server's end of a pipe.
pub(crate) struct Server(pub DuplexStream);

impl Server {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads messages up to one with this tag, and returns all their tags.
    pub(crate) async fn read_to(&mut self, last: u8) -> String {
        let mut tags = String::new();
        while !tags.ends_with(char::from(last)) {
            tags.push(char::from(self.0.read_u8().await.unwrap()));
            self.read_body().await;
        }
        tags
    }

    /// Reads a message without a tag, such as the first one of a connection.
    pub(crate) async fn read_body(&mut self) -> Vec<u8> {
        let length = self.0.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        self.0.read_exact(&mut body).await.unwrap();
        body
    }
}

/// Hands out prepared streams.
#[derive(Default)]
pub(crate) struct Way {
    pub streams: Mutex<VecDeque<DuplexStream>>,
}

impl Way {
    /// Prepares one more stream, and returns its other end.
    pub(crate) fn expect(&self) -> Server {
        let (ours, server) = pipe();
        self.streams.lock().unwrap().push_back(ours);
        server
    }
}

impl Open for Way {
    fn open(&self, _: Instant) -> Pin<Box<dyn Future<Output = Result<Opened, TenantError>> + Send + '_>> {
        let stream = self.streams.lock().unwrap().pop_front();
        Box::pin(async move {
            let stream = Box::new(stream.ok_or(TenantError::Closed)?);
            Ok(Opened { stream, binding: Binding::None })
        })
    }
}

/// A message.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Messages without a body.
pub(crate) fn bare(tags: &[u8]) -> Vec<u8> {
    tags.iter().flat_map(|&tag| message(tag, &[])).collect()
}

pub(crate) fn complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

pub(crate) fn ready(state: u8) -> Vec<u8> {
    message(b'Z', &[state])
}

pub(crate) fn error(sqlstate: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0C{sqlstate}\0Mno\0\0").as_bytes())
}

/// The body of a `RowDescription`.
pub(crate) fn description(columns: &[(&str, u32)]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for (name, oid) in columns {
        body.extend(name.as_bytes());
        body.extend([0; 7]);
        body.extend(oid.to_be_bytes());
        body.extend([0; 8]);
    }
    body
}

/// The body of a `DataRow`.
pub(crate) fn row(cells: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
    for cell in cells {
        let length = cell.map_or(-1, |cell| i32::try_from(cell.len()).unwrap());
        body.extend(length.to_be_bytes());
        body.extend(cell.unwrap_or_default());
    }
    body
}

/// What a server sends before the rows of a session's first read-only statement.
pub(crate) fn opening(columns: &[(&str, u32)]) -> Vec<u8> {
    let described = [message(b't', &[0, 0]), message(b'T', &description(columns)), bare(b"2")].concat();
    [bare(b"112"), complete("BEGIN"), bare(b"1"), described].concat()
}

/// What a server sends after the rows of a read-only statement.
pub(crate) fn closing(tag: &str) -> Vec<u8> {
    [complete(tag), bare(b"2"), complete("ROLLBACK"), ready(b'I')].concat()
}
