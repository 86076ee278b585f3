//! Keys for verifying tokens. Each has exactly one algorithm.

use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

/// A key and its only algorithm. The token does not choose it.
pub(crate) struct VerifyingKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: DecodingKey,
}

/// The keys of one issuer.
pub(crate) enum KeySet {
    /// A published set. Keys are found by their exact id. A token without an id matches only if the set has one key.
    Published { by_id: HashMap<String, Arc<VerifyingKey>>, only: Option<Arc<VerifyingKey>> },
    /// The secret of an HS256 file. The token's `kid` is ignored.
    Secret(Arc<VerifyingKey>),
}

/// The document is not a JWK set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidKeySet;

impl KeySet {
    /// Reads a JWK set (RFC 7517). Keys for other uses or of other kinds are left out, and so are symmetric ones, since
    /// a published secret proves nothing. Of two keys with one id the first counts.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, InvalidKeySet> {
        let document: Document = serde_json::from_slice(document).map_err(|_| InvalidKeySet)?;
        let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let usable: Vec<_> =
            jwks.filter_map(|jwk| Some((jwk.verifying_key().map(Arc::new)?, jwk.kid))).collect();
        let only = match usable.as_slice() {
            [(key, _)] => Some(Arc::clone(key)),
            _ => None,
        };
        let mut by_id = HashMap::new();
        for (key, id) in usable {
            if let Some(id) = id {
                by_id.entry(id).or_insert(key);
            }
        }
        Ok(Self::Published { by_id, only })
    }

    /// The set of an HS256 secret.
    pub(crate) fn of_secret(secret: &[u8]) -> Self {
        let key = DecodingKey::from_secret(secret);
        Self::Secret(Arc::new(VerifyingKey { algorithm: Algorithm::HS256, key }))
    }

    /// The key for a token with this `kid`.
    pub(crate) fn find(&self, id: Option<&str>) -> Option<Arc<VerifyingKey>> {
        match (self, id) {
            (Self::Secret(key), _) => Some(Arc::clone(key)),
            (Self::Published { by_id, .. }, Some(id)) => by_id.get(id).cloned(),
            (Self::Published { only, .. }, None) => only.clone(),
        }
    }
}

/// The algorithm of a token's `alg`. `Ed25519` is what RFC 9864 calls `EdDSA` with this curve, the only one that we
/// verify.
pub(crate) fn algorithm_of(name: &str) -> Option<Algorithm> {
    if name == "Ed25519" { Some(Algorithm::EdDSA) } else { name.parse().ok() }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    fn verifying_key(&self) -> Option<VerifyingKey> {
        if !self.may_verify() {
            return None;
        }
        let algorithm = self.algorithm()?;
        let key = match self.kty.as_str() {
            "RSA" => DecodingKey::from_rsa_components(self.n.as_deref()?, self.e.as_deref()?),
            "EC" => DecodingKey::from_ec_components(self.x.as_deref()?, self.y.as_deref()?),
            "OKP" => DecodingKey::from_ed_components(self.x.as_deref()?),
            _ => return None,
        };
        Some(VerifyingKey { algorithm, key: key.ok()? })
    }

    /// Whether its issuer meant it for signatures (RFC 7517, 4.2 and 4.3).
    fn may_verify(&self) -> bool {
        let for_signatures = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let for_verifying = self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        for_signatures && for_verifying
    }

    /// By type and curve; `alg`, where there is one, must agree. An RSA key without `alg` verifies RS256 only: were it
    /// left to the token, one key would verify six algorithms.
    fn algorithm(&self) -> Option<Algorithm> {
        match (self.kty.as_str(), self.crv.as_deref(), self.alg.as_deref()) {
            ("RSA", _, None | Some("RS256")) => Some(Algorithm::RS256),
            ("RSA", _, Some("RS384")) => Some(Algorithm::RS384),
            ("RSA", _, Some("RS512")) => Some(Algorithm::RS512),
            ("RSA", _, Some("PS256")) => Some(Algorithm::PS256),
            ("RSA", _, Some("PS384")) => Some(Algorithm::PS384),
            ("RSA", _, Some("PS512")) => Some(Algorithm::PS512),
            ("EC", Some("P-256"), None | Some("ES256")) => Some(Algorithm::ES256),
            ("EC", Some("P-384"), None | Some("ES384")) => Some(Algorithm::ES384),
            ("OKP", Some("Ed25519"), None | Some("EdDSA" | "Ed25519")) => Some(Algorithm::EdDSA),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;
