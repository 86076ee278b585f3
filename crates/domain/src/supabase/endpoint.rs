//! The endpoint of a Supabase project.

use sha2::{Digest, Sha256};

use super::{ProjectUrl, SchemaName, ServingKey};
use crate::{AccessMode, CaBundle, EndpointDigest, SecretName, TenantKind};

/// A Supabase project and how requests to it are made, without the keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SupabaseEndpoint {
    /// Host and port of the project's API, not yet checked.
    pub url: ProjectUrl,
    /// The schema for requests that name none.
    pub schema: SchemaName,
    /// Certificates trusted instead of the public roots, for self-hosted projects.
    pub ca: CaBundle,
    /// Which of the connection's keys is sent.
    pub serving: ServingKey,
    /// Whether requests other than GET and HEAD are sent.
    pub access_mode: AccessMode,
    /// Services that requests may reach beside `/rest/v1`.
    pub services: Services,
    /// Whether requests may include a token of the project's Auth service, which replaces the key in `Authorization`,
    /// so that the project's row level security applies to that user.
    pub pass_user_token: bool,
}

/// Services of a project beside `/rest/v1`, which is always on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Services {
    /// `/storage/v1`.
    pub storage: bool,
    /// `/functions/v1`.
    pub functions: bool,
    /// `/auth/v1`.
    pub auth: bool,
}

impl SupabaseEndpoint {
    /// The secrets that a connection may hold.
    pub const SECRETS: &'static [SecretName] = &[SecretName::PublishableKey, SecretName::SecretKey];

    /// An endpoint with safe defaults: the publishable key, read-only, REST only.
    pub fn new(url: ProjectUrl) -> Self {
        Self {
            url,
            schema: SchemaName::default(),
            ca: CaBundle::default(),
            serving: ServingKey::Publishable,
            access_mode: AccessMode::ReadOnly,
            services: Services::default(),
            pass_user_token: false,
        }
    }

    /// Digest of everything that determines who receives the keys: kind, host, port and CA.
    pub fn digest(&self) -> EndpointDigest {
        let ca = Sha256::digest(self.ca.as_pem());
        EndpointDigest::over(&[
            TenantKind::Supabase.as_str().as_bytes(),
            self.url.host().to_string().as_bytes(),
            &self.url.port().to_be_bytes(),
            ca.as_slice(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> SupabaseEndpoint {
        SupabaseEndpoint::new(ProjectUrl::parse(url).unwrap())
    }

    #[test]
    fn every_part_that_decides_who_receives_the_keys_changes_the_digest() {
        let base = endpoint("https://abcdefghijklmnopqrst.supabase.co");
        let ca = CaBundle::parse("-----BEGIN CERTIFICATE-----").unwrap();
        let changed = [
            endpoint("https://bbcdefghijklmnopqrst.supabase.co"),
            endpoint("https://abcdefghijklmnopqrst.supabase.co:8443"),
            SupabaseEndpoint { ca, ..base.clone() },
        ];
        for other in changed {
            assert_ne!(other.digest(), base.digest(), "{other:?}");
        }
    }

    #[test]
    fn settings_that_do_not_decide_who_receives_the_keys_leave_the_digest_alone() {
        let base = endpoint("https://abcdefghijklmnopqrst.supabase.co");
        let changed = SupabaseEndpoint {
            schema: SchemaName::parse("api").unwrap(),
            serving: ServingKey::Secret,
            access_mode: AccessMode::ReadWrite,
            services: Services { storage: true, functions: true, auth: true },
            pass_user_token: true,
            ..base.clone()
        };
        assert_eq!(changed.digest(), base.digest());
    }

    #[test]
    fn the_digest_is_the_documented_one() {
        let mut hash = Sha256::new();
        let ca = Sha256::digest("");
        for field in [&b"supabase"[..], b"api.example.com", &[1, 187], ca.as_slice()] {
            hash.update(u32::try_from(field.len()).unwrap().to_be_bytes());
            hash.update(field);
        }
        let expected: [u8; 32] = hash.finalize().into();
        assert_eq!(endpoint("https://API.example.com/").digest().0, expected);
    }
}
