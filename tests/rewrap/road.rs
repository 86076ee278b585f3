//! A road to crypto-service that can be watched, and cut.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Passes connections on until it is dropped, which cuts them. Counts the bytes towards crypto-service in `sent`.
pub(crate) async fn pass_on(listener: TcpListener, to: SocketAddr, sent: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        connections.spawn(pass_one_on(near, to, sent.clone()));
    }
}

async fn pass_one_on(near: TcpStream, to: SocketAddr, sent: Arc<AtomicUsize>) {
    #[expect(clippy::disallowed_methods, reason = "a test, on the loopback")]
    let far = TcpStream::connect(to).await.unwrap();
    let ((mut from_job, mut to_job), (mut from_service, mut to_service)) =
        (near.into_split(), far.into_split());
    let requests = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_job.read(&mut buffer).await {
            sent.fetch_add(read, Relaxed);
            if to_service.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(requests, async { copy(&mut from_service, &mut to_job).await.unwrap_or_default() });
}
