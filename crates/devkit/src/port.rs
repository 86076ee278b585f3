//! TCP ports for servers that are told where to listen, and that can't be told to take any free port.
//!
//! Servers that start at the same time, in this process or in others, must not choose the same port. A process
//! therefore claims a port before its server listens there: it binds an abstract Unix socket with the port in its name,
//! which the kernel releases when the process ends, however it ends.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

/// Below the range from which Linux takes the ports of outgoing connections.
const FIRST: u16 = 15_000;

/// Ports to choose from, starting at [`FIRST`].
const PORTS: u16 = 12_000;

/// Claims of this process. They are kept until it ends, so that a server that is started again finds its port free.
pub(crate) static CLAIMS: Mutex<BTreeMap<u16, UnixListener>> = Mutex::new(BTreeMap::new());

/// A free port on 127.0.0.1 that no other process has claimed. It belongs to this process until it ends.
pub fn choose() -> Result<u16> {
    let mut random = [0; 2];
    getrandom::fill(&mut random)
        .map_err(|error| anyhow::anyhow!("no randomness from the system: {error}"))?;
    let start = u16::from_ne_bytes(random) % PORTS;
    for port in (start..PORTS).chain(0..start).map(|offset| FIRST + offset) {
        if is_free(port) && claim(port)? {
            return Ok(port);
        }
    }
    anyhow::bail!("no free port on 127.0.0.1")
}

/// Claims a port; false if it is claimed already, by this process or another.
pub(crate) fn claim(port: u16) -> Result<bool> {
    let name = SocketAddr::from_abstract_name(format!("postern-port-{port}"))?;
    match UnixListener::bind_addr(&name) {
        Ok(claim) => {
            CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).insert(port, claim);
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot claim port {port}")),
    }
}

pub(crate) fn is_claimed_here(port: u16) -> bool {
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&port)
}

pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_chosen_is_not_chosen_again_before_its_server_listens() {
        let chosen = choose().unwrap();
        assert!(is_free(chosen));
        assert!(!claim(chosen).unwrap(), "port {chosen} was claimed twice");
    }
}
