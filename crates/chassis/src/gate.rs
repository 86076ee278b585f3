//! The one check before every handler: who is calling, and may they?
//!
//! The rules are [`postern_rpc::access::RULES`]; a method without a rule is refused. A handler reads who is calling
//! with [`signed_in`], and there is no other way to learn it.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http::{header::AUTHORIZATION, request::Parts};
use postern_domain::Clock;
use postern_egress::{Dialer, Policy, SystemResolver, http::HttpClient, tls};
use postern_identity::{AuthError, BearerToken, IssuerConfig, Principal, Verifier, bearer};
use postern_rpc::{
    Problem, Reason,
    access::{self, Caller, OPERATOR, ServiceName},
};
use tonic::{Status, metadata::MetadataMap};

use crate::mtls::PeerIdentity;

/// Lets requests through that the rules allow.
#[derive(Clone)]
pub struct Gate(Arc<Verifier>);

/// Who is calling, verified: the user, and the token that proves it to the next service.
#[derive(Clone)]
pub struct SignedIn {
    /// The verified user.
    pub principal: Principal,
    token: BearerToken,
}

impl SignedIn {
    /// Passes the user's token on with a request to crypto-service.
    pub fn authorize<T>(&self, message: T) -> tonic::Request<T> {
        let mut headers = http::HeaderMap::new();
        headers.insert(AUTHORIZATION, self.token.to_header());
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
        if issuers.iter().any(|issuer| issuer.hs256_secret_file.is_some()) {
            tracing::warn!(
                "an issuer signs with HS256: whoever takes this service over can sign in as anyone"
            );
        }
        let dialer = Dialer::new(egress, Arc::new(SystemResolver::default()));
        let fetcher = HttpClient::new(dialer, tls::client_config(None)?);
        let verifier = Verifier::new(issuers, Arc::new(fetcher), clock).context("issuers")?;
        Ok(Self(Arc::new(verifier)))
    }

    /// Puts the gate before every route.
    pub fn guard(self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self, check))
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
            let principal = self.0.verify(bearer(&request.headers)?).await?;
            Ok(SignedIn { principal, token: BearerToken::from_headers(&request.headers)? })
        };
        verified.await.map_err(unauthenticated)
    }
}

async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match gate.admit(&parts).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                parts.extensions.insert(caller);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => Status::from(problem).into_http(),
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
