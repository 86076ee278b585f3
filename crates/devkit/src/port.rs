//! TCP ports for servers on this machine.
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
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, ensure};

use crate::private_file::load_or_create;

/// Below the range from which Linux takes the ports of outgoing connections.
const FIRST: u16 = 15_000;

/// Ports to choose from, starting at [`FIRST`].
const PORTS: u16 = 12_000;

/// Claims of this process. They are kept until it ends, so that a server that is started again finds its port free.
static CLAIMS: Mutex<BTreeMap<u16, UnixListener>> = Mutex::new(BTreeMap::new());

/// The port of the server whose data is in `dir`: chosen and claimed at the first start, and kept in the file `port`,
/// since saved connections contain it.
pub(crate) fn of(dir: &Path) -> Result<u16> {
    let file = dir.join("port");
    let kept = load_or_create(&file, || Ok(free_port()?.to_string()))?;
    let port = kept.trim().parse().with_context(|| format!("{} holds no port", file.display()))?;
    let claimed = is_claimed_here(port) || claim(port)?;
    ensure!(claimed && is_free(port), "port {port} of the embedded Postgres is in use; stop what uses it");
    Ok(port)
}

/// A free port on 127.0.0.1 that no other process has claimed, for a server that is stopped and started again: it stays
/// free in between, until this process ends.
pub fn free_port() -> Result<u16> {
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
fn claim(port: u16) -> Result<bool> {
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

fn is_claimed_here(port: u16) -> bool {
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&port)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_chosen_is_not_chosen_again_before_its_server_listens() {
        let chosen = free_port().unwrap();
        assert!(is_free(chosen));
        assert!(!claim(chosen).unwrap(), "port {chosen} was claimed twice");
    }

    #[test]
    fn a_server_keeps_its_port_and_shares_it_with_no_other_process() {
        let dir = tempfile::tempdir().unwrap();
        let port = of(dir.path()).unwrap();
        assert_eq!(of(dir.path()).unwrap(), port);
        // Another process has the claim now.
        let claim = CLAIMS.lock().unwrap().remove(&port).unwrap();
        let refused = of(dir.path()).unwrap_err();
        assert!(refused.to_string().contains("is in use"), "{refused}");
        drop(claim);
        assert_eq!(of(dir.path()).unwrap(), port);
    }
}
