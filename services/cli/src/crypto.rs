//! crypto-service, as an operator uses it.

use postern_chassis::{config::CryptoClientConfig, mtls};
use postern_rpc::crypto::{
    GetKeyringRequest, Key, KeyState, Keyring, keyring_service_client::KeyringServiceClient,
};
use tonic::transport::Channel;

use crate::failure::{Exit, Failure};

/// A connection with an operator's certificate.
#[derive(Clone)]
pub(crate) struct Crypto {
    /// For calls such as services make.
    pub channel: Channel,
    /// Waits as long as a change of the ring may take.
    pub keyring: KeyringServiceClient<Channel>,
}

impl Crypto {
    /// Reads the certificate. Connects with the first call.
    pub(crate) fn new(config: &CryptoClientConfig) -> Result<Self, Failure> {
        let usage = |error: anyhow::Error| Failure::new(Exit::Usage, format!("{error:#}"));
        let channel = mtls::crypto_channel(config).map_err(usage)?;
        let patient = mtls::operator_channel(config).map_err(usage)?;
        Ok(Self { channel, keyring: KeyringServiceClient::new(patient) })
    }

    /// The ring as it is now.
    pub(crate) async fn ring(&self) -> Result<Keyring, Failure> {
        let response = self.keyring.clone().get_keyring(GetKeyringRequest {}).await?;
        whole(response.into_inner().keyring)
    }
}

/// The ring in an answer.
pub(crate) fn whole(ring: Option<Keyring>) -> Result<Keyring, Failure> {
    ring.ok_or_else(|| {
        Failure::new(Exit::Failed, "crypto-service's answer holds no key ring; run one release of both")
    })
}

/// The key that seals.
pub(crate) fn primary(ring: &Keyring) -> Result<&Key, Failure> {
    let primary = ring.keys.iter().find(|key| key.state() == KeyState::Primary);
    primary.ok_or_else(|| Failure::refused("the key ring has no primary key"))
}

/// The state of a key; `None` if the ring does not hold it.
pub(crate) fn state(ring: &Keyring, id: u32) -> Option<KeyState> {
    ring.keys.iter().find(|key| key.id == id).map(Key::state)
}

/// The word for a state, as the ring file has it.
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
