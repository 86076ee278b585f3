//! An issuer of development tokens, with ES256 and a JWKS.

use std::path::Path;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use postern_domain::Clock;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{private_file::load_or_create, random_hex};

/// `aud` of the tokens.
pub const AUDIENCE: &str = "postern";

/// Lifetime of a token in seconds.
pub const LIFETIME: u64 = 3600;

const KEY_ID: &str = "dev-1";

/// Signs tokens with a key from a file.
pub struct DevIssuer {
    issuer: String,
    signing: EncodingKey,
    point: Vec<u8>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
}

impl DevIssuer {
    /// An issuer with this name (`iss`). Its key is read from `key_file`, which is created if missing.
    pub fn load_or_create(issuer: &str, key_file: &Path) -> Result<Self> {
        let make = || Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem());
        let pem = load_or_create(key_file, make)?;
        let key = KeyPair::from_pem(&pem).with_context(|| format!("{} holds no key", key_file.display()))?;
        Ok(Self {
            issuer: issuer.to_owned(),
            signing: EncodingKey::from_ec_pem(pem.as_bytes())?,
            point: key.der_bytes().to_vec(),
        })
    }

    /// A token for `subject`, valid for [`LIFETIME`] seconds.
    pub fn mint(&self, subject: &str, clock: &dyn Clock) -> Result<String> {
        let now = clock.now().as_secs();
        let (iat, exp, jti) = (now, now + LIFETIME, random_hex(16)?);
        let claims = Claims { iss: &self.issuer, aud: AUDIENCE, sub: subject, iat, exp, jti };
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, &claims, &self.signing).context("cannot sign a token")
    }

    /// The public key as a JSON Web Key Set.
    pub fn jwks(&self) -> Value {
        // An uncompressed point of P-256: 0x04, then x and y of 32 bytes each.
        let (x, y) = self.point[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID, "x": x, "y": y }] })
    }
}
