//! Builds the context of a seal from the request and the verified caller.

use postern_domain::{EndpointDigest, OwnerId, SecretId, TenantKind};
use postern_envelope::SealContext;
use postern_rpc::{Problem, crypto::Context};
use uuid::Uuid;

/// The owner is the caller. Requests have no field for it.
pub(crate) fn parse(context: Option<Context>, owner: OwnerId) -> Result<SealContext, Problem> {
    let context = context.ok_or_else(|| Problem::field("context", "context is missing"))?;
    let secret = Uuid::from_slice(&context.secret_id)
        .map_err(|_| Problem::field("context.secret_id", "secret_id is a UUID of 16 bytes"))?;
    let kind = TenantKind::parse(&context.kind)
        .ok_or_else(|| Problem::field("context.kind", "kind is not a known tenant kind"))?;
    let endpoint = <[u8; 32]>::try_from(context.endpoint_digest)
        .map_err(|_| Problem::field("context.endpoint_digest", "endpoint_digest has 32 bytes"))?;
    Ok(SealContext { owner, secret: SecretId(secret), kind, endpoint: EndpointDigest(endpoint) })
}
