//! crypto-service, as this service uses it: it opens seals of the caller, and cannot seal.

use postern_chassis::SignedIn;
use postern_domain::{Secret, TenantKind};
use postern_rpc::{
    Problem, Reason,
    crypto::{Context, DecryptRequest, crypto_service_client::CryptoServiceClient},
    describe,
};
use postern_store::Resolved;
use tonic::{Code, transport::Channel};

/// Opens seals.
#[derive(Clone)]
pub(crate) struct Opener(CryptoServiceClient<Channel>);

impl Opener {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(CryptoServiceClient::new(channel))
    }

    /// The secret of a resolved connection. The context is made from the row as it is now: a row that was swapped, or
    /// whose endpoint was changed behind our back, does not open.
    pub(crate) async fn open(&self, caller: &SignedIn, resolved: &Resolved) -> Result<Secret, Problem> {
        let context = Context {
            secret_id: resolved.secret_id.0.as_bytes().to_vec(),
            kind: TenantKind::Postgres.as_str().to_owned(),
            endpoint_digest: resolved.connection.endpoint.digest().0.to_vec(),
        };
        let message = DecryptRequest { context: Some(context), sealed: resolved.sealed.clone() };
        match self.0.clone().decrypt(caller.authorize(message)).await {
            Ok(response) => Ok(Secret::new(response.into_inner().plaintext)),
            Err(status) => Err(problem(&status)),
        }
    }
}

fn problem(status: &tonic::Status) -> Problem {
    let cause = || format!("crypto-service did not open a seal: {}", describe(status));
    match status.code() {
        Code::Unauthenticated => {
            Problem::new(Reason::Unauthenticated, "The token is no longer valid; sign in again.")
        }
        Code::InvalidArgument => Problem::new(Reason::SealBroken, "The stored secret cannot be opened.")
            .hint("Save the connection again with its password."),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
            Problem::new(Reason::DependencyUnavailable, "Stored secrets cannot be opened at the moment.")
                .hint("Try again in a minute.")
                .because(cause())
        }
        _ => Problem::internal(cause()),
    }
}
