//! Keys, tokens, a clock and a key-set server for tests, all in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use postern_domain::Clock;
use postern_egress::{EgressError, HttpUrl, http::HttpError};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{AuthError, FetchKeys, Fetching, IssuerConfig, Principal, SubjectMapping, Verifier};

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "postern";
/// Seconds since 1970 at which tests begin.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A clock that stands still until a test moves it.
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// An issuer's signing key.
pub(crate) struct Signer {
    pub(crate) pair: rcgen::KeyPair,
    algorithm: Algorithm,
    id: Option<&'static str>,
}

impl Signer {
    pub(crate) fn es256(id: &'static str) -> Self {
        Self::of(&rcgen::PKCS_ECDSA_P256_SHA256, Algorithm::ES256, id)
    }

    pub(crate) fn rs256(id: &'static str) -> Self {
        Self::of(&rcgen::PKCS_RSA_SHA256, Algorithm::RS256, id)
    }

    pub(crate) fn ps256(id: &'static str) -> Self {
        Self::of(&rcgen::PKCS_RSA_SHA256, Algorithm::PS256, id)
    }

    pub(crate) fn eddsa(id: &'static str) -> Self {
        Self::of(&rcgen::PKCS_ED25519, Algorithm::EdDSA, id)
    }

    fn of(kind: &'static rcgen::SignatureAlgorithm, algorithm: Algorithm, id: &'static str) -> Self {
        Self { pair: rcgen::KeyPair::generate_for(kind).unwrap(), algorithm, id: Some(id) }
    }

    /// The same key for tokens without a `kid`.
    pub(crate) fn without_id(self) -> Self {
        Self { id: None, ..self }
    }

    pub(crate) fn encoding_key(&self) -> EncodingKey {
        let der = self.pair.serialized_der();
        match self.algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(der),
            Algorithm::EdDSA => EncodingKey::from_ed_der(der),
            // The library signs with PKCS #1 keys and unwraps PKCS #8 from PEM only.
            _ => EncodingKey::from_rsa_pem(self.pair.serialize_pem().as_bytes()).unwrap(),
        }
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: self.id.map(str::to_owned), ..Header::new(self.algorithm) }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.header(), claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.encoding_key()).unwrap()
    }

    /// The public half, as an issuer publishes it.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = if self.algorithm == Algorithm::EdDSA {
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": base64_url(self.pair.public_key_raw())})
        } else {
            serde_json::to_value(Jwk::from_encoding_key(&self.encoding_key(), self.algorithm).unwrap())
                .unwrap()
        };
        if let Some(id) = self.id {
            jwk["kid"] = json!(id);
        }
        jwk
    }
}

pub(crate) fn base64_url(bytes: impl AsRef<[u8]>) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token put together by hand.
pub(crate) fn raw_token(header: &str, claims: &str, signature: &[u8]) -> String {
    format!("{}.{}.{}", base64_url(header), base64_url(claims), base64_url(signature))
}

pub(crate) fn jwks(keys: &[Value]) -> Bytes {
    Bytes::from(json!({ "keys": keys }).to_string())
}

/// The claims of a good token, with some replaced; null removes one.
pub(crate) fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "exp": NOW + 300, "role": "authenticated",
    });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[name] = value;
        }
    }
    claims
}

/// A server of key sets: gives out the answers in turn and the last one again and again, each when it is let go.
pub(crate) struct Issuing {
    answers: Mutex<VecDeque<Option<Bytes>>>,
    fetches: AtomicUsize,
    pub(crate) gate: Semaphore,
}

impl Issuing {
    /// `None` is a failure.
    pub(crate) fn new(answers: impl IntoIterator<Item = Option<Bytes>>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Self { answers, fetches: AtomicUsize::new(0), gate: Semaphore::new(Semaphore::MAX_PERMITS) })
    }

    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl FetchKeys for Issuing {
    fn fetch<'a>(&'a self, _: &str, _: &'a HttpUrl) -> Fetching<'a> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().flatten() } else { answers[0].clone() }
        };
        Box::pin(async move {
            self.gate.acquire().await.unwrap().forget();
            answer.ok_or(HttpError::Egress(EgressError::Unreachable))
        })
    }
}

pub(crate) fn config() -> IssuerConfig {
    IssuerConfig {
        issuer: ISSUER.into(),
        audience: vec![AUDIENCE.into()],
        jwks_url: Some(HttpUrl::parse("https://auth.example.com/jwks").unwrap()),
        discovery: false,
        ca: None,
        hs256_secret_file: None,
        subject: SubjectMapping::Derived,
        required_claims: BTreeMap::new(),
        forbidden_claims: BTreeMap::new(),
        max_token_lifetime_seconds: 86_400,
        max_key_set_age_seconds: 4 * 3600,
        leeway_seconds: 30,
    }
}

/// A verifier of one issuer that publishes these keys.
pub(crate) fn verifier(config: IssuerConfig, keys: &[Value]) -> (Verifier, Arc<TestClock>) {
    let clock = TestClock::new();
    (Verifier::new(vec![config], Issuing::new([Some(jwks(keys))]), clock.clone()).unwrap(), clock)
}

pub(crate) static ES: LazyLock<Signer> = LazyLock::new(|| Signer::es256("es"));
pub(crate) static RS: LazyLock<Signer> = LazyLock::new(|| Signer::rs256("rs"));

/// What a verifier of the usual issuer, with the keys `es` and `rs`, says of a token.
pub(crate) async fn verdict(token: &str) -> Result<Principal, AuthError> {
    verifier(config(), &[ES.jwk(), RS.jwk()]).0.verify(token).await
}
