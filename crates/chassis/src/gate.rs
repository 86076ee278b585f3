//! The one check before every handler: who is calling, and whether they may.
//!
//! The rules are [`postern_rpc::access::RULES`]; a method without a rule is refused. A handler reads who is calling
//! with [`signed_in`], and there is no other way to learn it.

use std::{sync::Arc, task, time::Duration};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use http::{Request, Response, header::AUTHORIZATION, request::Parts};
use postern_domain::Clock;
use postern_egress::Policy;
use postern_identity::{AuthError, BearerToken, IssuerConfig, KeySetState, Principal, Refused, Verifier};
use postern_rpc::{
    Problem, Reason,
    access::{self, Caller, OPERATOR, Rule, ServiceName},
};
use tonic::{Status, metadata::MetadataMap, server::NamedService};
use tower::{Layer, Service};

use crate::{
    Call, Metrics, Process, bounded_log::BoundedLog, call::Ids, client_address::ClientAddress,
    key_fetcher::KeyFetcher, metrics, mtls::PeerIdentity,
};

/// A layer that lets requests through that the rules allow. Clones are one gate.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    verifier: ArcSwap<Verifier>,
    refused_callers: BoundedLog,
    refused_tokens: BoundedLog,
}

/// Strangers decide how many refusals there are, so one of each kind is logged per interval.
const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// When an address that has sent too many wrong signatures may try again.
const FAILURE_DELAY: Duration = Duration::from_secs(1);

/// A service behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    gate: Gate,
    inner: S,
}

/// Who is calling, verified: the user, and the token that proves it to the next service.
#[derive(Clone)]
pub struct SignedIn {
    /// The verified user.
    pub principal: Principal,
    token: BearerToken,
    ids: Option<Ids>,
}

impl SignedIn {
    /// A request to crypto-service that carries the user's token and the ids of the call.
    pub fn authorize<T>(&self, message: T) -> tonic::Request<T> {
        let mut headers = http::HeaderMap::new();
        headers.insert(AUTHORIZATION, self.token.to_header());
        if let Some(ids) = &self.ids {
            ids.propagate(&mut headers);
        }
        tonic::Request::from_parts(MetadataMap::from_headers(headers), http::Extensions::new(), message)
    }
}

/// The verified caller of a request that has passed the gate.
pub fn signed_in<T>(request: &tonic::Request<T>) -> Result<&SignedIn, Status> {
    // Absent only if a handler for users is served without a gate: the caller is unverified then.
    request.extensions().get::<SignedIn>().ok_or_else(|| unauthenticated(AuthError::TokenMissing).into())
}

impl Gate {
    /// A gate that trusts these issuers, and fetches their key sets through the guarded way out.
    pub fn new(issuers: Vec<IssuerConfig>, egress: Policy, clock: Arc<dyn Clock>) -> Result<Self> {
        warn_of_shared_secrets(&issuers);
        let fetcher = KeyFetcher::new(&issuers, egress)?;
        let verifier = Verifier::new(issuers, fetcher, clock).context("issuers")?;
        Ok(Self(Arc::new(Shared {
            verifier: ArcSwap::from_pointee(verifier),
            refused_callers: BoundedLog::new(LOG_INTERVAL),
            refused_tokens: BoundedLog::new(LOG_INTERVAL),
        })))
    }

    /// Trusts only these issuers from now on. Issuers that cannot be used change nothing.
    pub fn replace(&self, issuers: Vec<IssuerConfig>, egress: Policy) -> Result<()> {
        warn_of_shared_secrets(&issuers);
        let fetcher = KeyFetcher::new(&issuers, egress)?;
        let verifier = self.0.verifier.load().reconfigured(issuers, fetcher).context("issuers")?;
        self.0.verifier.store(Arc::new(verifier));
        Ok(())
    }

    /// Shows how old the key sets are, and how often tokens were verified already.
    fn show(&self, metrics: &Metrics) {
        let shared = Arc::clone(&self.0);
        metrics.gauge("key_set_age_seconds", "Time since an issuer's key set was fetched", move || {
            let sets = shared.verifier.load().key_sets().into_iter();
            let value =
                |set: KeySetState| Some((vec![("issuer", set.issuer.to_string())], set.age?.as_secs_f64()));
            sets.filter_map(value).collect()
        });
        let shared = Arc::clone(&self.0);
        metrics.counter("token_cache", "Tokens looked up among those verified a moment ago", move || {
            let (hits, misses) = shared.verifier.load().cache_counts();
            [("hit", hits), ("miss", misses)]
                .map(|(result, count)| (vec![("result", result.to_owned())], metrics::number(count)))
                .into()
        });
    }

    /// Fetches the issuers' key sets before the first token needs them. The service is ready once one issuer's users
    /// can sign in: another issuer's outage must not keep them out.
    pub fn watch_issuers(&self, process: &Process) {
        self.show(&process.metrics);
        let gate = self.clone();
        let probe = move || {
            let verifier = gate.0.verifier.load_full();
            async move {
                verifier.load_key_sets().await;
                let usable = verifier.key_sets().iter().any(|set| set.age.is_some());
                usable.then_some(()).ok_or("no issuer's key set could be fetched")
            }
        };
        tokio::spawn(process.health.dependency("issuers").watch(process.life.clone(), probe));
    }

    async fn admit(&self, request: &Parts) -> Result<Option<SignedIn>, Problem> {
        let Some(rule) = access::rule_of(request.uri.path()) else {
            self.refused_caller("unknown", request);
            return Err(not_allowed());
        };
        match rule.caller {
            Caller::Anyone => Ok(None),
            Caller::User(_) => self.user(request).await.map(Some),
            Caller::Service(name, _) => {
                self.require_peer(request, rule, &[name])?;
                self.user(request).await.map(Some)
            }
            Caller::ServiceOrOperator(name) => {
                self.require_peer(request, rule, &[name, OPERATOR]).map(|()| None)
            }
            Caller::Operator => self.require_peer(request, rule, &[OPERATOR]).map(|()| None),
        }
    }

    async fn user(&self, request: &Parts) -> Result<SignedIn, Problem> {
        let verified = async {
            let token = BearerToken::from_headers(&request.headers)?;
            let from = request.extensions.get::<ClientAddress>().map(|address| address.0);
            let principal = self.0.verifier.load_full().identify(token.as_str(), from).await?;
            let ids = request.extensions.get::<Call>().map(|call| call.ids().clone());
            Ok(SignedIn { principal, token, ids })
        };
        verified.await.map_err(|refused: Refused| {
            self.refused_token(request, &refused);
            unauthenticated(refused.error)
        })
    }

    /// The peer's certificate must bear one of these names. On the edge there are no client certificates, so every
    /// caller is refused there.
    fn require_peer(&self, request: &Parts, rule: &Rule, names: &[ServiceName]) -> Result<(), Problem> {
        if peer(request).is_some_and(|peer| names.contains(&peer)) {
            return Ok(());
        }
        self.refused_caller(&rule.path[1..], request);
        Err(not_allowed())
    }

    /// Logs a caller that may not call the method: a service that is misconfigured or compromised, or a stranger.
    fn refused_caller(&self, method: &'static str, request: &Parts) {
        if let Some(suppressed) = self.0.refused_callers.admit() {
            let (peer, certificate) = (peer(request), certificate(request));
            tracing::warn!(
                method,
                peer,
                certificate,
                suppressed,
                "a caller was refused: it may not call this method"
            );
        }
    }

    /// Of the token, logs only the issuer, and only if the signature is valid. Never the subject: it may be an email
    /// address.
    fn refused_token(&self, request: &Parts, refused: &Refused) {
        if let Some(suppressed) = self.0.refused_tokens.admit() {
            let (why, issuer) = (refused.error.reason(), refused.issuer.as_deref());
            let (peer, certificate) = (peer(request), certificate(request));
            tracing::info!(why, issuer, peer, certificate, suppressed, "a token was refused");
        }
    }
}

/// The service that the peer's certificate names.
fn peer(request: &Parts) -> Option<&str> {
    request.extensions.get::<PeerIdentity>().map(PeerIdentity::service)
}

/// What tells the peer's certificate from others of the same name.
fn certificate(request: &Parts) -> Option<&str> {
    request.extensions.get::<PeerIdentity>().map(PeerIdentity::certificate)
}

fn warn_of_shared_secrets(issuers: &[IssuerConfig]) {
    if issuers.iter().any(|issuer| issuer.hs256_secret_file.is_some()) {
        tracing::warn!(
            "an issuer signs with HS256: an attacker who takes over this service can sign in as any user"
        );
    }
}

impl<S: NamedService> NamedService for Gated<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gate: self.clone(), inner }
    }
}

impl<S, Body, Answer> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Answer>, Future: Send> + Clone + Send + 'static,
    Body: Send + 'static,
    Answer: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The instance that was polled ready serves this request; its clone is polled for the next.
        let waiting = self.clone();
        let Self { gate, mut inner } = std::mem::replace(self, waiting);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match gate.admit(&parts).await {
                Ok(caller) => {
                    if let Some(caller) = caller {
                        parts.extensions.insert(caller);
                    }
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(problem) => Ok(Status::from(problem).into_http()),
            }
        })
    }
}

fn not_allowed() -> Problem {
    Problem::new(Reason::CallerNotAllowed, "This caller may not call this method.")
}

/// The reason tells an outage and a flood from a refusal; the message says which refusal.
fn unauthenticated(error: AuthError) -> Problem {
    let reason = match error {
        AuthError::KeysUnavailable => Reason::IssuerUnavailable,
        AuthError::TooManyFailures => Reason::TooManyRequests,
        _ => Reason::Unauthenticated,
    };
    let problem = Problem::new(reason, error.to_string()).because(error);
    if reason == Reason::TooManyRequests { problem.retry_after(FAILURE_DELAY) } else { problem }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use postern_domain::SystemClock;

    use super::*;

    const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

    fn issuer(name: &str, secret: &std::path::Path) -> Vec<IssuerConfig> {
        let config =
            serde_json::json!({ "issuer": name, "audience": "postern", "hs256_secret_file": secret });
        vec![serde_json::from_value(config).unwrap()]
    }

    fn request(issuer: &str) -> Parts {
        request_for(issuer, "postern")
    }

    /// A request whose token is for this audience.
    fn request_for(issuer: &str, audience: &str) -> Parts {
        let expiry = SystemClock.now().as_secs() + 60;
        let claims = serde_json::json!({ "iss": issuer, "aud": audience, "sub": "ada", "exp": expiry });
        let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap();
        let request = Request::post("/postern.proxy.v1.ProxyService/Query");
        request.header(AUTHORIZATION, format!("Bearer {token}")).body(()).unwrap().into_parts().0
    }

    #[tokio::test]
    async fn replaced_issuers_hold_for_the_very_next_request() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let gate = Gate::new(issuer("first", &secret), Policy::default(), Arc::new(SystemClock)).unwrap();
        assert!(gate.admit(&request("first")).await.is_ok());
        assert!(gate.admit(&request("second")).await.is_err());

        assert!(gate.replace(Vec::new(), Policy::default()).is_err());
        assert!(gate.admit(&request("first")).await.is_ok(), "issuers that cannot be used changed something");

        gate.replace(issuer("second", &secret), Policy::default()).unwrap();
        assert!(gate.admit(&request("first")).await.is_err(), "a token verified before is still let in");
        assert!(gate.admit(&request("second")).await.is_ok());
    }

    /// A gate for `first`, and the folder of its secret.
    fn gate() -> (Gate, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let gate = Gate::new(issuer("first", &secret), Policy::default(), Arc::new(SystemClock)).unwrap();
        (gate, folder)
    }

    /// The lines that say that a caller or a token was refused.
    fn refusals() -> Vec<serde_json::Value> {
        let refused =
            |line: &serde_json::Value| line["message"].as_str().unwrap_or_default().contains("was refused");
        crate::test_log::lines().into_iter().filter(refused).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_logged_with_who_and_why_at_a_bounded_rate_and_without_the_token() {
        crate::test_log::start();
        let (gate, _folder) = gate();
        for _ in 0..5 {
            assert!(gate.admit(&request("second")).await.is_err());
        }
        let mut inside = request("first");
        inside.uri = "/postern.crypto.v1.KeyringService/StageKey".parse().unwrap();
        for _ in 0..5 {
            assert!(gate.admit(&inside).await.is_err());
        }
        tokio::time::advance(LOG_INTERVAL).await;
        assert!(gate.admit(&request_for("first", "another")).await.is_err());
        let lines = refusals();
        assert_eq!(lines.len(), 3, "{lines:?}");
        let last = &lines[2];
        assert_eq!((last["why"].as_str(), last["issuer"].as_str()), (Some("AUDIENCE_WRONG"), Some("first")));
        assert_eq!(last["suppressed"], 4);
        let caller = lines.iter().find(|line| line["level"] == "WARN").unwrap();
        assert_eq!(caller["method"], "postern.crypto.v1.KeyringService/StageKey");
        let token = lines.iter().find(|line| line["level"] == "INFO").unwrap();
        assert_eq!((token["why"].as_str(), token.get("issuer")), (Some("ISSUER_UNKNOWN"), None));
        assert!(!format!("{lines:?}").contains("eyJ"), "{lines:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_floods_us_with_wrong_signatures_is_told_when_to_come_back() {
        let (gate, _folder) = gate();
        let mut forged = request("first");
        let header = forged.headers[AUTHORIZATION].to_str().unwrap().to_owned();
        let signature = header.rfind('.').unwrap();
        let header = format!("{}.{}", &header[..signature], "A".repeat(43));
        forged.headers.insert(AUTHORIZATION, header.parse().unwrap());
        forged.extensions.insert(ClientAddress("192.0.2.1".parse().unwrap()));
        let mut last = None;
        for _ in 0..31 {
            last = gate.admit(&forged).await.err();
        }
        let problem = last.unwrap();
        assert_eq!(problem.reason(), Reason::TooManyRequests, "{problem}");
        let mut good = request("first");
        good.extensions.insert(ClientAddress("192.0.2.2".parse().unwrap()));
        assert!(gate.admit(&good).await.is_ok());
    }

    #[tokio::test]
    async fn a_request_to_crypto_service_carries_the_users_token_and_the_ids_of_the_call() {
        let (gate, _folder) = gate();
        let mut parts = request("first");
        let call = crate::call::call(&tonic::Request::new(()));
        parts.extensions.insert(call.clone());
        let caller = gate.admit(&parts).await.unwrap_or_else(|problem| panic!("{problem}"));
        let metadata = caller.unwrap().authorize(()).into_parts().0;
        assert_eq!(metadata.get("x-request-id").unwrap(), call.request_id());
        assert_eq!(
            metadata.get("authorization").unwrap().as_bytes(),
            parts.headers[AUTHORIZATION].as_bytes()
        );
    }
}
