//! Calls to crypto-service, spread over its replicas.
//!
//! Each address that the configured names resolve to is a replica, with a connection of its own. Every replica is asked
//! four times a second whether it serves. Calls go in turn to those that do. A replica that is about to stop says so
//! some seconds before it takes no more calls. A call that fails is not repeated here: the caller is told, and its next
//! attempt goes to another replica.
//!
//! tonic's own balancing takes no connector for mutual TLS, and knows whether a connection is open, not whether the
//! replica behind it serves.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Once, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use http::{HeaderValue, Request, Response, Uri};
use postern_egress::own::addresses_of;
use postern_rpc::describe;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tonic::{body::Body, client, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::{BoxError, Service, ServiceExt};

/// Time between two looks at all replicas.
const LOOK: Duration = Duration::from_millis(250);

/// Time for a replica to say whether it serves.
const ANSWER: Duration = Duration::from_secs(1);

/// Time between two lookups of the names while all replicas serve, and while some do not.
const RESOLVE: Duration = Duration::from_secs(5);
const RESOLVE_SOON: Duration = Duration::from_secs(1);

/// `grpc-status` of UNAVAILABLE: this replica cannot do it, another one may.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");

/// The way to crypto-service, for its generated clients. Clones share connections, which are made when the first call
/// is.
#[derive(Clone)]
pub struct CryptoChannel(Arc<Shared>);

/// Makes the connection to a replica: to this address, for the URL that it was found by.
pub(super) type Connect = dyn Fn(&Uri, SocketAddr) -> Channel + Send + Sync;

struct Shared {
    urls: Vec<Uri>,
    connect: Box<Connect>,
    known: watch::Sender<Known>,
    turn: AtomicUsize,
    following: Once,
}

/// What is known of the replicas.
#[derive(Default)]
struct Known {
    replicas: Vec<Replica>,
    /// Whether all of them were asked, or the names could not be resolved.
    looked: bool,
    /// Why a name was not resolved at the last attempt.
    unresolved: Option<String>,
}

struct Replica {
    address: SocketAddr,
    channel: Channel,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unasked,
    Serves,
    Fails,
}

impl CryptoChannel {
    /// A channel to the replicas at these URLs, each of which has a host.
    pub(super) fn new(urls: Vec<Uri>, connect: Box<Connect>) -> Self {
        let (known, turn, following) = (watch::Sender::default(), AtomicUsize::default(), Once::new());
        Self(Arc::new(Shared { urls, connect, known, turn, following }))
    }
}

impl Service<Request<Body>> for CryptoChannel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Whether a replica is ready is known once one is chosen.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        shared.following.call_once(|| drop(tokio::spawn(follow(Arc::downgrade(&shared)))));
        Box::pin(async move {
            let (address, mut channel) = shared.choose().await?;
            let answer = async { channel.ready().await?.call(request).await }.await;
            let failed = match &answer {
                Ok(response) => response.headers().get("grpc-status") == Some(&UNAVAILABLE),
                Err(_) => true,
            };
            if failed {
                // Until it is asked again. It is only passed over, not reported: its health decides.
                shared.set(address, State::Fails);
            }
            Ok(answer?)
        })
    }
}

impl Shared {
    /// The next replica that serves. While none is known to, the next one: its failure says why.
    async fn choose(&self) -> Result<(SocketAddr, Channel), BoxError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        // As a rule, without waiting for anything.
        if let Some(chosen) = self.known.borrow().serving_in_turn(turn) {
            return Ok(chosen.reached());
        }
        let mut known = self.known.subscribe();
        let known = known.wait_for(|known| known.looked || known.serving().next().is_some()).await?;
        let any = || known.replicas.get(turn % known.replicas.len().max(1));
        let chosen = known.serving_in_turn(turn).or_else(any).map(Replica::reached);
        chosen.ok_or_else(|| known.unresolved.clone().unwrap_or_else(|| "no address".to_owned()).into())
    }

    /// Resolves the names, if it is time to, and asks each replica whether it serves.
    async fn look(&self, resolved: &mut Option<Instant>) {
        let pause = if self.known.borrow().all_serve() { RESOLVE } else { RESOLVE_SOON };
        if resolved.is_none_or(|at| at.elapsed() >= pause) {
            self.resolve().await;
            *resolved = Some(Instant::now());
        }
        let channels: Vec<_> = {
            let known = self.known.borrow();
            known.replicas.iter().map(|replica| (replica.address, replica.channel.clone())).collect()
        };
        join_all(channels.into_iter().map(|(address, channel)| self.ask(address, channel))).await;
        self.known.send_if_modified(|known| !std::mem::replace(&mut known.looked, true));
    }

    async fn ask(&self, address: SocketAddr, channel: Channel) {
        let answer = timeout(ANSWER, serves(channel)).await;
        match answer.unwrap_or_else(|_| Err("no answer".to_owned())) {
            Ok(()) => {
                if self.set(address, State::Serves) != State::Serves {
                    tracing::info!(%address, "a replica of crypto-service serves");
                }
            }
            Err(cause) => {
                if self.set(address, State::Fails) != State::Fails {
                    tracing::warn!(%address, "a replica of crypto-service does not serve: {cause}");
                }
            }
        }
    }

    /// Sets a replica's state, and returns the one before.
    fn set(&self, address: SocketAddr, state: State) -> State {
        let mut before = state;
        self.known.send_if_modified(|known| {
            let found = known.replicas.iter_mut().find(|replica| replica.address == address);
            before = found.map_or(state, |replica| std::mem::replace(&mut replica.state, state));
            before != state
        });
        before
    }

    /// Resolves the names again. A replica whose address is still among the answers keeps its connection. If a name
    /// cannot be resolved, every replica is kept.
    async fn resolve(&self) {
        let mut found = Vec::new();
        for url in &self.urls {
            match addresses(url).await {
                Ok(addresses) => found.extend(addresses.into_iter().map(|address| (url, address))),
                Err(error) => {
                    let unresolved = format!("{}: {error}", url.host().unwrap_or_default());
                    self.known.send_modify(|known| known.unresolved = Some(unresolved));
                    return;
                }
            }
        }
        self.known.send_modify(|known| {
            known.unresolved = None;
            known.replicas.retain(|replica| found.iter().any(|(_, address)| *address == replica.address));
            for (url, address) in found {
                if !known.replicas.iter().any(|replica| replica.address == address) {
                    let channel = (self.connect)(url, address);
                    known.replicas.push(Replica { address, channel, state: State::Unasked });
                }
            }
        });
    }
}

impl Replica {
    fn reached(&self) -> (SocketAddr, Channel) {
        (self.address, self.channel.clone())
    }
}

impl Known {
    fn serving_in_turn(&self, turn: usize) -> Option<&Replica> {
        let serving = self.serving().count();
        self.serving().nth(turn % serving.max(1))
    }

    fn serving(&self) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(|replica| replica.state == State::Serves)
    }

    fn all_serve(&self) -> bool {
        self.serving().count() == self.replicas.len()
    }
}

/// Looks at the replicas again and again, for as long as somebody has the channel.
async fn follow(shared: Weak<Shared>) {
    let mut resolved = None;
    while let Some(shared) = shared.upgrade() {
        shared.look(&mut resolved).await;
        drop(shared);
        sleep(LOOK).await;
    }
}

/// Whether crypto-service says that it serves; otherwise the cause.
pub(super) async fn serves<S>(channel: S) -> Result<(), String>
where
    S: client::GrpcService<Body, Error: Into<BoxError>>,
    S::ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static,
{
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    let answer = answer.map_err(|status| describe(&status))?.into_inner();
    let serves = answer.status() == ServingStatus::Serving;
    serves.then_some(()).ok_or_else(|| "it answers that it is not ready".to_owned())
}

/// The addresses of a URL's host.
async fn addresses(url: &Uri) -> io::Result<Vec<SocketAddr>> {
    let port = url.port_u16().unwrap_or(443);
    let found = addresses_of(url.host().unwrap_or_default()).await?;
    Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

impl fmt::Debug for CryptoChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CryptoChannel").field(&self.0.urls).finish()
    }
}

#[cfg(test)]
#[path = "replicas_tests.rs"]
mod tests;
