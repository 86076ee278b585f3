//! A TCP relay that can stop forwarding without closing anything, as a network that drops packets does.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::runtime;

/// Relays connections to a server.
pub struct Relay {
    address: SocketAddr,
    silent: watch::Sender<bool>,
}

impl Relay {
    /// To a port of this machine.
    pub async fn to_port(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let silent = watch::Sender::new(false);
        runtime::shared().spawn(accept(listener, (Ipv4Addr::LOCALHOST, port).into(), silent.subscribe()));
        Self { address, silent }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Forwards nothing any more. Existing connections stay open and silent for good; new ones are accepted and stay
    /// silent, too.
    pub fn silence(&self) {
        self.silent.send_replace(true);
    }

    /// Forwards connections that are made from now on.
    pub fn restore(&self) {
        self.silent.send_replace(false);
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, silent: watch::Receiver<bool>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(forward(near, to, silent.clone()));
    }
}

async fn forward(mut near: TcpStream, to: SocketAddr, mut silent: watch::Receiver<bool>) {
    #[expect(clippy::disallowed_methods, reason = "a test, on the loopback")]
    let Ok(mut far) = TcpStream::connect(to).await else { return };
    let is_silent = tokio::select! {
        biased;
        silent = silent.wait_for(|silent| *silent) => silent.is_ok(),
        _ = copy_bidirectional(&mut near, &mut far) => false,
    };
    if is_silent {
        // Both sockets stay open, and nobody reads them.
        std::future::pending::<()>().await;
    }
}
