//! From any published document, a token is let in only if the document holds the key that has signed it.

use std::sync::{Arc, LazyLock};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bytes::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use postern_egress::HttpUrl;
use postern_identity::{FetchKeys, Fetching, Verifier};
use rcgen::KeyPair;
use serde_json::{Value, json};

use super::token::{NOW, StandingClock};
use crate::{Verdict, exec};

/// In a document, stands for a coordinate of the key that signs: it is drawn anew in each process.
const X: &str = "<x>";
const Y: &str = "<y>";

/// Publishes the document, and shows it tokens of the key, of nobody, and of every secret that can be read in it.
pub fn check(input: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(input).replace(X, &SIGNER.x).replace(Y, &SIGNER.y);
    let document = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let Verdict::Accepted = let_in(&text, &SIGNER.token) else {
        nobody_else_gets_in(&text, &document);
        return Verdict::Refused;
    };
    assert!(holds_the_key(&document), "let in without the key: {text}");
    nobody_else_gets_in(&text, &document);
    Verdict::Accepted
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let key = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "a", "x": X, "y": Y});
    let without = |name: &str| {
        let mut key = key.clone();
        key.as_object_mut().expect("an object").remove(name);
        key
    };
    let rsa = json!({"kty": "RSA", "alg": "RS256", "kid": "b", "n": BASE64.encode([0xc5; 256]), "e": "AQAB"});
    let secret = json!({"kty": "oct", "alg": "HS256", "kid": "a", "k": BASE64.encode([9; 32])});
    let edwards = json!({"kty": "OKP", "crv": "Ed25519", "kid": "c", "x": X});
    let mut other = key.clone();
    other["kid"] = "b".into();
    let sets: [&[&Value]; 9] = [
        &[&key], &[&without("kid")], &[&without("alg")], &[&without("use")], &[&rsa, &key], &[&secret, &key], &[&secret],
        &[&edwards, &other], &[],
    ];
    sets.map(|keys| json!({ "keys": keys }).to_string().into_bytes()).into()
}

/// What signs, drawn for this process.
struct Signer {
    x: String,
    y: String,
    token: String,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a new key");
    let key = EncodingKey::from_ec_der(pair.serialized_der());
    let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map(|jwk| json!(jwk)).expect("the public half");
    let coordinate = |name: &str| jwk[name].as_str().expect("a coordinate").to_owned();
    Signer { x: coordinate("x"), y: coordinate("y"), token: token(Algorithm::ES256, &key) }
});

/// Claims in which nothing is wrong.
fn claims() -> Value {
    json!({"iss": "https://auth.example.com", "aud": "postern", "sub": "user-1", "exp": NOW + 60})
}

fn token(algorithm: Algorithm, key: &EncodingKey) -> String {
    let header = Header { kid: Some("a".to_owned()), ..Header::new(algorithm) };
    encode(&header, &claims(), key).expect("claims that can be signed")
}

/// Whether the signer's key stands in the document, for signatures of its algorithm and under the token's `kid`.
fn holds_the_key(document: &Value) -> bool {
    let is_text = |key: &Value, name: &str, text: &str| key[name].as_str() == Some(text);
    let allows = |key: &Value, name: &str, text: &str| key[name].is_null() || is_text(key, name, text);
    document["keys"].as_array().is_some_and(|keys| {
        keys.iter().any(|key| {
            let is_it = is_text(key, "x", &SIGNER.x) && is_text(key, "y", &SIGNER.y);
            let is_ec = is_text(key, "kty", "EC") && is_text(key, "crv", "P-256");
            is_it && is_ec && is_text(key, "kid", "a") && allows(key, "alg", "ES256") && allows(key, "use", "sig")
        })
    })
}

/// Not an unsigned token, and not one that is signed with what was published for all to read.
fn nobody_else_gets_in(text: &str, document: &Value) {
    let part = |value: Value| BASE64.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(json!({"alg": "none", "kid": "a"})), part(claims()));
    assert_eq!(let_in(text, &unsigned), Verdict::Refused, "without a signature: {text}");
    let keys = document["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    for published in keys.iter().take(3).filter_map(Value::as_object).flat_map(|key| key.values()).filter_map(Value::as_str) {
        for secret in [published.as_bytes().to_vec(), BASE64.decode(published).unwrap_or_default()] {
            let forged = token(Algorithm::HS256, &EncodingKey::from_secret(&secret));
            assert_eq!(let_in(text, &forged), Verdict::Refused, "with what is published: {text}");
        }
    }
}

fn let_in(document: &str, token: &str) -> Verdict {
    let config = json!({
        "issuer": "https://auth.example.com", "audience": "postern", "jwks_url": "https://auth.example.com/jwks",
    });
    let config = serde_json::from_value(config).expect("a configuration as it is documented");
    let keys = Published(Bytes::copy_from_slice(document.as_bytes()));
    let verifier = Verifier::new(vec![config], keys, Arc::new(StandingClock)).expect("an issuer that fits");
    Verdict::of(&exec::block_on(verifier.verify(token)))
}

/// One document, for whoever asks.
struct Published(Bytes);

impl FetchKeys for Published {
    fn fetch<'a>(&'a self, _: &str, _: &'a HttpUrl) -> Fetching<'a> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
