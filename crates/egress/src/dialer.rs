//! Resolves a host once, checks every address, and connects only to the checked addresses.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use postern_domain::Host;
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use crate::{EgressError, JudgedAddr, Policy, Resolve};

/// A connection to a checked address, with the host it was made for.
pub struct Dialed {
    /// The connection, with `TCP_NODELAY`, keep-alive and `TCP_USER_TIMEOUT` set.
    pub stream: TcpStream,
    /// The host that TLS must verify the server's certificate against.
    pub host: Host,
}

/// Connects to hosts that a [`Policy`] allows. Cheap to clone.
#[derive(Clone)]
pub struct Dialer {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
    budget: Duration,
}

/// Time for resolving and connecting together.
const CONNECT_BUDGET: Duration = Duration::from_secs(5);

/// Maximum number of a host's addresses to try. Each gets an equal share of the remaining time, so that a dead address
/// leaves time for the next.
const ATTEMPTS: usize = 8;

/// Idle time before the first keep-alive probe, and the interval between probes. A server that is busy with a statement
/// may send nothing for minutes; only its kernel's responses to probes show that it still exists.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Time without acknowledgement of sent bytes or probes before the system closes the connection. With the idle time
/// above, a server that has vanished is noticed within a minute. Linux would otherwise retransmit for 15 minutes.
const UNANSWERED: Duration = Duration::from_secs(30);

impl Dialer {
    /// A dialer with the connect budget of 5 s.
    pub fn new(policy: Policy, resolver: Arc<dyn Resolve>) -> Self {
        Self { policy: Arc::new(policy), resolver, budget: CONNECT_BUDGET }
    }

    /// The same dialer with another connect budget.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// The policy of this dialer.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Resolves, checks and connects within one time budget.
    pub async fn dial(&self, host: &Host, port: u16) -> Result<Dialed, EgressError> {
        let deadline = Instant::now() + self.budget;
        let addresses = self.resolve_by(deadline, host, port).await?;
        let stream = self.connect_by(deadline, &addresses).await?;
        Ok(Dialed { stream, host: host.clone() })
    }

    /// The first half of [`Dialer::dial`], for callers that time the steps. Resolves once, and refuses the host if any
    /// address is not allowed. The result is never empty.
    pub async fn resolve_and_judge(&self, host: &Host, port: u16) -> Result<Vec<JudgedAddr>, EgressError> {
        self.resolve_by(Instant::now() + self.budget, host, port).await
    }

    /// The second half of [`Dialer::dial`]: connects to the first address that accepts.
    pub async fn connect(&self, addresses: &[JudgedAddr]) -> Result<TcpStream, EgressError> {
        self.connect_by(Instant::now() + self.budget, addresses).await
    }

    async fn resolve_by(&self, by: Instant, host: &Host, port: u16) -> Result<Vec<JudgedAddr>, EgressError> {
        self.policy.admit(host, port)?;
        let answers = match host {
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => match timeout_at(by, self.resolver.resolve(name)).await {
                Err(_) => return Err(EgressError::Timeout),
                Ok(Err(error)) => return Err(lookup_failure(&error)),
                Ok(Ok(answers)) => answers,
            },
        };
        if answers.is_empty() {
            return Err(EgressError::NameNotFound);
        }
        let judged = answers.into_iter().map(|ip| self.policy.judge(ip, port));
        judged.collect::<Result<_, _>>().map_err(EgressError::AddressRefused)
    }

    async fn connect_by(&self, by: Instant, addresses: &[JudgedAddr]) -> Result<TcpStream, EgressError> {
        let addresses = &addresses[..addresses.len().min(ATTEMPTS)];
        let mut failure = EgressError::NameNotFound;
        for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
            let share =
                by.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
            failure = match timeout(share, self.connect_one(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(EgressError::OutOfDescriptors)) => return Err(EgressError::OutOfDescriptors),
                Ok(Err(failure)) => failure,
                Err(_) => EgressError::Timeout,
            };
        }
        Err(explain(failure, addresses))
    }

    #[expect(clippy::disallowed_methods, reason = "the only connect, to a checked address")]
    async fn connect_one(&self, address: JudgedAddr) -> Result<TcpStream, EgressError> {
        let stream = TcpStream::connect(address.socket()).await.map_err(|e| failure_of(&e))?;
        let peer = stream.peer_addr().map_err(|e| failure_of(&e))?;
        self.check_peer(peer, address)?;
        tune(&stream).map_err(|e| failure_of(&e))?;
        Ok(stream)
    }

    /// The peer must be the checked address, and must be allowed.
    fn check_peer(&self, peer: SocketAddr, dialled: JudgedAddr) -> Result<(), EgressError> {
        let judged = self.policy.judge(peer.ip(), peer.port()).map_err(EgressError::AddressRefused)?;
        if judged == dialled { Ok(()) } else { Err(EgressError::PeerMismatch) }
    }
}

/// Most unreachable hosts with only IPv6 addresses are databases whose pooler has IPv4.
fn explain(failure: EgressError, addresses: &[JudgedAddr]) -> EgressError {
    let only_ipv6 = failure == EgressError::Unreachable && addresses.iter().all(|a| a.is_ipv6());
    if only_ipv6 { EgressError::Ipv6Only } else { failure }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let socket = SockRef::from(stream);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(UNANSWERED))?;
    socket.set_tcp_keepalive(&keepalive)
}

/// The system's resolver does not report a lack of file descriptors, so this opens a socket to find out.
fn lookup_failure(error: &io::Error) -> EgressError {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None);
    if is_exhaustion(error) || socket.is_err_and(|error| is_exhaustion(&error)) {
        EgressError::OutOfDescriptors
    } else {
        EgressError::NameNotFound
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS))
}

fn failure_of(error: &io::Error) -> EgressError {
    if is_exhaustion(error) {
        return EgressError::OutOfDescriptors;
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => EgressError::ConnectionRefused,
        io::ErrorKind::TimedOut => EgressError::Timeout,
        _ => EgressError::Unreachable,
    }
}

#[cfg(test)]
#[path = "dialer_tests.rs"]
mod tests;
