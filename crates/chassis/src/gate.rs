//! The one check before every handler: who is calling, and may they?
//!
//! The rules are [`postern_rpc::access::RULES`]; a method without a rule is refused. A handler reads who is calling
//! with [`signed_in`], and there is no other way to learn it.

use std::{sync::Arc, task};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use http::{Request, Response, header::AUTHORIZATION, request::Parts};
use postern_domain::Clock;
use postern_egress::{Dialer, Policy, SystemResolver, http::HttpClient, tls};
use postern_identity::{AuthError, BearerToken, IssuerConfig, Principal, Verifier};
use postern_rpc::{
    Problem, Reason,
    access::{self, Caller, OPERATOR, ServiceName},
};
use tonic::{Status, metadata::MetadataMap};
use tower::{Layer, Service};

use crate::{Call, call::Ids, mtls::PeerIdentity};

/// Lets requests through that the rules allow: a layer, for the services behind it. Clones are one gate.
#[derive(Clone)]
pub struct Gate(Arc<ArcSwap<Verifier>>);

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
    // Absent only if a handler for users is served without a gate: answer as for a stranger, not as for a guest.
    request.extensions().get::<SignedIn>().ok_or_else(|| unauthenticated(AuthError::TokenMissing).into())
}

impl Gate {
    /// A gate that trusts these issuers, and fetches their key sets through the guarded way out.
    pub fn new(issuers: Vec<IssuerConfig>, egress: Policy, clock: Arc<dyn Clock>) -> Result<Self> {
        warn_of_shared_secrets(&issuers);
        let verifier = Verifier::new(issuers, fetcher(egress)?, clock).context("issuers")?;
        Ok(Self(Arc::new(ArcSwap::from_pointee(verifier))))
    }

    /// Trusts these issuers from now on, and no token of another any more. Issuers that cannot be used change nothing.
    pub fn replace(&self, issuers: Vec<IssuerConfig>, egress: Policy) -> Result<()> {
        warn_of_shared_secrets(&issuers);
        let verifier = self.0.load().reconfigured(issuers, fetcher(egress)?).context("issuers")?;
        self.0.store(Arc::new(verifier));
        Ok(())
    }

    async fn admit(&self, request: &Parts) -> Result<Option<SignedIn>, Problem> {
        let rule = access::rule_of(request.uri.path()).ok_or_else(not_allowed)?;
        match rule.caller {
            Caller::Anyone => Ok(None),
            Caller::User(_) => self.user(request).await.map(Some),
            Caller::Service(name, _) => {
                require_peer(request, &[name])?;
                self.user(request).await.map(Some)
            }
            Caller::ServiceOrOperator(name) => require_peer(request, &[name, OPERATOR]).map(|()| None),
            Caller::Operator => require_peer(request, &[OPERATOR]).map(|()| None),
        }
    }

    async fn user(&self, request: &Parts) -> Result<SignedIn, Problem> {
        let verified = async {
            let token = BearerToken::from_headers(&request.headers)?;
            let principal = self.0.load_full().verify(token.as_str()).await?;
            let ids = request.extensions.get::<Call>().map(|call| call.ids().clone());
            Ok(SignedIn { principal, token, ids })
        };
        verified.await.map_err(unauthenticated)
    }
}

/// Key sets are fetched through the guarded way out.
fn fetcher(egress: Policy) -> Result<Arc<HttpClient>> {
    let dialer = Dialer::new(egress, Arc::new(SystemResolver::default()));
    Ok(Arc::new(HttpClient::new(dialer, tls::client_config(None)?)))
}

fn warn_of_shared_secrets(issuers: &[IssuerConfig]) {
    if issuers.iter().any(|issuer| issuer.hs256_secret_file.is_some()) {
        tracing::warn!("an issuer signs with HS256: whoever takes this service over can sign in as anyone");
    }
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
        // The one that is ready goes with the request; its clone waits for the next.
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

/// The peer's certificate bears one of these names. On the edge there is no certificate, and so nobody of any name.
fn require_peer(request: &Parts, names: &[ServiceName]) -> Result<(), Problem> {
    let peer = request.extensions.get::<PeerIdentity>();
    let admitted = peer.is_some_and(|peer| names.contains(&peer.service()));
    if admitted { Ok(()) } else { Err(not_allowed()) }
}

fn not_allowed() -> Problem {
    Problem::new(Reason::CallerNotAllowed, "This caller may not call this method.")
}

/// The reason tells an outage from a refusal; the message says which refusal.
fn unauthenticated(error: AuthError) -> Problem {
    let reason = if error.is_unavailable() { Reason::IssuerUnavailable } else { Reason::Unauthenticated };
    Problem::new(reason, error.to_string())
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
        let expiry = SystemClock.now().as_secs() + 60;
        let claims = serde_json::json!({ "iss": issuer, "aud": "postern", "sub": "ada", "exp": expiry });
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

    #[tokio::test]
    async fn a_request_to_crypto_service_carries_the_users_token_and_the_ids_of_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let gate = Gate::new(issuer("first", &secret), Policy::default(), Arc::new(SystemClock)).unwrap();
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
