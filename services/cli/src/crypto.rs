//! An operator's client of crypto-service.

use postern_chassis::{
    config::CryptoClientConfig,
    mtls::{self, CryptoChannel},
};
use postern_rpc::crypto::{
    GetKeyringRequest, Key, KeyState, Keyring, keyring_service_client::KeyringServiceClient,
};

use crate::failure::{Exit, Failure};

/// Clients that use an operator's certificate.
#[derive(Clone)]
pub(crate) struct Crypto {
    /// With the deadline of calls between services.
    pub channel: CryptoChannel,
    /// With a longer deadline, since a change of the ring may wait for a remote root.
    pub keyring: KeyringServiceClient<CryptoChannel>,
}

impl Crypto {
    /// Reads the certificate. Connects on the first call.
    pub(crate) fn new(config: &CryptoClientConfig) -> Result<Self, Failure> {
        let usage = |error: anyhow::Error| Failure::new(Exit::Usage, format!("{error:#}"));
        let channel = mtls::crypto_channel(config).map_err(usage)?;
        let patient = mtls::operator_channel(config).map_err(usage)?;
        Ok(Self { channel, keyring: KeyringServiceClient::new(patient) })
    }

    /// Fetches the ring.
    pub(crate) async fn ring(&self) -> Result<Keyring, Failure> {
        let response = self.keyring.clone().get_keyring(GetKeyringRequest {}).await?;
        whole(response.into_inner().keyring)
    }
}

/// The ring in a response.
pub(crate) fn whole(ring: Option<Keyring>) -> Result<Keyring, Failure> {
    ring.ok_or_else(|| {
        Failure::new(
            Exit::Failed,
            "crypto-service's response contains no key ring; run the same release of both",
        )
    })
}

/// The primary key.
pub(crate) fn primary(ring: &Keyring) -> Result<&Key, Failure> {
    let primary = ring.keys.iter().find(|key| key.state() == KeyState::Primary);
    primary.ok_or_else(|| Failure::refused("the key ring has no primary key"))
}

/// The state of a key; `None` if the ring does not contain it.
pub(crate) fn state(ring: &Keyring, id: u32) -> Option<KeyState> {
    ring.keys.iter().find(|key| key.id == id).map(Key::state)
}

/// The word for a state, as in the ring file.
pub(crate) fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Unspecified => "unknown",
        KeyState::Staged => "staged",
        KeyState::Primary => "primary",
        KeyState::Active => "active",
        KeyState::Disabled => "disabled",
        KeyState::Destroyed => "destroyed",
    }
}
