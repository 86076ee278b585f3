//! A root, its configuration, and a ring under it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use postern_domain::{EndpointDigest, OwnerId, Secret, SecretId, SystemClock, TenantKind};
use postern_envelope::{KeyId, KeyRing, MasterKey, SealContext, SystemEntropy};
use postern_keyring::roots::{self, OpenError, RootConfig};
use postern_keyring::{LoadedRing, Root, ring_file};
use postern_testkit::OpenBao;
use tempfile::TempDir;
use uuid::Uuid;

/// A file with a token for an `OpenBao`, and the configuration of a root that uses it.
pub(crate) struct Client {
    folder: TempDir,
    config: String,
}

impl Client {
    pub(crate) fn new(server: &OpenBao, token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "kind = 'vault-transit'\naddress = '{}'\nca = '{}'\nkey = '{}'\nauth = {{ token_file = '{}' }}\n",
            server.address(),
            server.ca().display(),
            OpenBao::KEY,
            token_file(folder.path()).display(),
        );
        let client = Self { folder, config };
        client.write_token(token);
        client
    }

    /// Replaces the token as an agent does: a new file in the place of the old one.
    pub(crate) fn write_token(&self, token: &str) {
        let new = self.folder.path().join("token.new");
        fs::write(&new, format!("{token}\n")).unwrap();
        fs::rename(new, token_file(self.folder.path())).unwrap();
    }

    /// The configuration with a line replaced.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.config.contains(from), "{}", self.config);
        self.config = self.config.replace(from, to);
        self
    }

    /// The configuration with another key.
    pub(crate) fn with_key(self, name: &str) -> Self {
        self.with("key = 'postern'", &format!("key = '{name}'"))
    }

    /// The configuration with the time to wait at start.
    pub(crate) fn waiting(mut self, seconds: u32) -> Self {
        self.config = format!("{}start_seconds = {seconds}\n", self.config);
        self
    }

    /// The configuration, as the table `keyring.root`.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    pub(crate) fn open(&self) -> Result<Box<dyn Root>, OpenError> {
        open(&self.config)
    }

    /// A path in a folder of this client's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn token_file(folder: &Path) -> PathBuf {
    folder.join("token")
}

pub(crate) fn open(config: &str) -> Result<Box<dyn Root>, OpenError> {
    roots::open(&toml::from_str::<RootConfig>(config).unwrap())
}

pub(crate) fn id(number: u32) -> KeyId {
    KeyId::new(number).unwrap()
}

pub(crate) fn key() -> MasterKey {
    MasterKey::from_slice(&[7; 32]).unwrap()
}

/// Wraps a key and unwraps it again.
pub(crate) fn round_trip(root: &dyn Root) {
    let wrapped = root.wrap_key(id(3), &key(), &SystemEntropy).unwrap();
    assert!(root.unwrap_key(id(3), &wrapped).unwrap().expose() == key().expose());
}

pub(crate) fn new_ring(path: &Path, root: &dyn Root) -> LoadedRing {
    ring_file::create(path, root, &SystemEntropy, &SystemClock).unwrap()
}

/// Seals a secret and opens it again.
pub(crate) fn serves(ring: &KeyRing) -> bool {
    opens(ring, &seal(ring))
}

/// Seals a secret.
pub(crate) fn seal(ring: &KeyRing) -> Vec<u8> {
    ring.seal(&context(), &Secret::from_text("hunter2".into()), &SystemEntropy).unwrap()
}

/// Whether what [`seal`] made opens.
pub(crate) fn opens(ring: &KeyRing, sealed: &[u8]) -> bool {
    ring.open(&context(), sealed).is_ok()
}

fn context() -> SealContext {
    SealContext {
        owner: OwnerId(Uuid::from_bytes([1; 16])),
        secret: SecretId(Uuid::from_bytes([2; 16])),
        kind: TenantKind::Postgres,
        endpoint: EndpointDigest([3; 32]),
    }
}
