//! The keys of a Supabase project, of all four sorts, and the tokens of its users.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

/// 2100-01-01 in seconds since 1970: the keys of a test never expire.
const FAR_FUTURE: u64 = 4_102_444_800;

/// The keys of one project; no two projects share one.
#[derive(Clone)]
pub struct Keys {
    /// `sb_publishable_…`, for the role `anon`.
    pub publishable: String,
    /// `sb_secret_…`, for the role `service_role`.
    pub secret: String,
    /// Legacy JWT for the role `anon`, without a `ref`, as self-hosted projects have it.
    pub anon: String,
    /// Legacy JWT for the role `service_role`.
    pub service_role: String,
    pub(super) jwt_secret: String,
    revoked: HashSet<String>,
}

/// A database role that a key stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Anon,
    Service,
}

impl Keys {
    pub(super) fn random() -> Self {
        let jwt_secret = random_text::<32>();
        Self {
            publishable: format!("sb_publishable_{}_{}", random_text::<16>(), random_text::<6>()),
            secret: format!("sb_secret_{}_{}", random_text::<16>(), random_text::<6>()),
            anon: sign(&jwt_secret, &json!({ "iss": "supabase", "role": "anon", "exp": FAR_FUTURE })),
            service_role: sign(
                &jwt_secret,
                &json!({ "iss": "supabase", "role": "service_role", "exp": FAR_FUTURE }),
            ),
            jwt_secret,
            revoked: HashSet::new(),
        }
    }

    /// An access token of one of the project's users, as its `/auth/v1` issues them.
    pub fn user_token(&self, subject: &str) -> String {
        let claims = json!({
            "aud": "authenticated", "role": "authenticated", "sub": subject, "iat": 1, "exp": FAR_FUTURE,
        });
        sign(&self.jwt_secret, &claims)
    }

    /// The role of a key that is registered.
    pub(super) fn role_of(&self, key: &str) -> Option<Role> {
        if self.revoked.contains(key) {
            return None;
        }
        match key {
            key if key == self.publishable || key == self.anon => Some(Role::Anon),
            key if key == self.secret || key == self.service_role => Some(Role::Service),
            _ => None,
        }
    }

    /// What the gateway sends to PostgREST instead of an opaque key.
    pub(super) fn token_of(&self, role: Role) -> &str {
        match role {
            Role::Anon => &self.anon,
            Role::Service => &self.service_role,
        }
    }

    pub(super) fn revoke(&mut self, key: &str) {
        self.revoked.insert(key.to_owned());
    }
}

fn sign(secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).expect("HS256 signs any claims")
}

fn random_text<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}
