//! What a seal is bound to.

use postern_domain::{Endpoint, EndpointDigest, SecretId, SecretName, TenantKind};
use postern_rpc::crypto::Context;

/// What a seal is bound to, in addition to its owner, which crypto-service takes from the verified token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext {
    /// Generated for this sealing.
    pub secret_id: SecretId,
    /// Kind of tenant.
    pub kind: TenantKind,
    /// Digest of the endpoint that may receive the secret, see [`Endpoint::seal_digest`].
    pub endpoint: EndpointDigest,
}

impl SealContext {
    /// The context of a secret of a connection to `endpoint`.
    pub fn new(endpoint: &Endpoint, name: SecretName, secret_id: SecretId) -> Self {
        Self { secret_id, kind: endpoint.kind(), endpoint: endpoint.seal_digest(name) }
    }
}

impl From<SealContext> for Context {
    fn from(context: SealContext) -> Self {
        Self {
            secret_id: context.secret_id.0.as_bytes().to_vec(),
            kind: context.kind.as_str().to_owned(),
            endpoint_digest: context.endpoint.0.to_vec(),
        }
    }
}
