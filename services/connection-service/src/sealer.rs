//! crypto-service, as this service uses it: it seals, and cannot open.

use postern_chassis::SignedIn;
use postern_domain::{EndpointDigest, Secret, SecretId, TenantKind};
use postern_rpc::{
    Problem, Reason,
    crypto::{Context, EncryptRequest, crypto_service_client::CryptoServiceClient},
    describe,
};
use postern_store::SealedSecret;
use tonic::{Code, transport::Channel};
use uuid::Uuid;

/// Seals secrets.
#[derive(Clone)]
pub(crate) struct Sealer(CryptoServiceClient<Channel>);

impl Sealer {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(CryptoServiceClient::new(channel))
    }

    /// Seals `secret` for the caller and for exactly this endpoint, under an id minted for this sealing.
    pub(crate) async fn seal(
        &self,
        caller: &SignedIn,
        endpoint: EndpointDigest,
        secret: Secret,
    ) -> Result<SealedSecret, Problem> {
        let id = SecretId(Uuid::new_v4());
        let context = Context {
            secret_id: id.0.as_bytes().to_vec(),
            kind: TenantKind::Postgres.as_str().to_owned(),
            endpoint_digest: endpoint.0.to_vec(),
        };
        let message = EncryptRequest { context: Some(context), plaintext: secret.into_exposed() };
        match self.0.clone().encrypt(caller.authorize(message)).await {
            Ok(response) => Ok(SealedSecret { id, sealed: response.into_inner().sealed }),
            Err(status) => Err(problem(&status)),
        }
    }
}

fn problem(status: &tonic::Status) -> Problem {
    let cause = || format!("crypto-service did not seal: {}", describe(status));
    match status.code() {
        Code::Unauthenticated => {
            Problem::new(Reason::Unauthenticated, "The token is no longer valid; sign in again.")
        }
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Problem::new(
            Reason::DependencyUnavailable,
            "Secrets cannot be sealed at the moment; nothing was saved.",
        )
        .hint("Try again in a minute.")
        .because(cause()),
        _ => Problem::internal(cause()),
    }
}
