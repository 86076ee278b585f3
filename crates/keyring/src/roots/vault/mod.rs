//! The root `vault-transit`: a key of the Transit engine of `OpenBao` or Vault.
//!
//! A wrapped key is the engine's own text, `vault:v1:…`, unchanged. Its associated data is `postern:key-id=` and the
//! id in decimal digits, so it does not unwrap under another id.

mod api;
mod config;
mod session;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use postern_domain::Secret;
use postern_envelope::KeyId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use zeroize::Zeroizing;

use api::Api;
pub use config::{InvalidPath, VaultAuth, VaultConfig, VaultPath};
use session::{Renewed, Session};

use super::{
    OpenError, Trouble,
    client::Client,
    remote::{KeyBytes, Remote, Service},
};

/// Interval for checking whether the token needs renewal and whether its file contains another.
const LOOK: Duration = Duration::from_secs(1);

/// Opens the root; see [`super::open`].
pub(super) fn open(config: &VaultConfig) -> Result<Remote<Vault>, OpenError> {
    let name = name(config);
    let Some(client) = Client::trusting(config.ca.as_deref()) else {
        return Err(OpenError::Ca { root: name, path: config.ca.clone().unwrap_or_default() });
    };
    let vault = Vault {
        name: name.clone(),
        api: Api::new(client, config),
        config: config.clone(),
        session: Mutex::default(),
    };
    Remote::open(name, Duration::from_secs(config.start_seconds.into()), async { vault })
}

fn name(config: &VaultConfig) -> String {
    format!("{} (key {} of {} at {})", Vault::KIND, config.key, config.mount, config.address)
}

/// The engine, and the session with it.
pub(super) struct Vault {
    name: String,
    api: Api,
    config: VaultConfig,
    /// `None` until the first sign-in.
    session: Mutex<Option<Session>>,
}

impl Service for Vault {
    const KIND: &'static str = "vault-transit";

    async fn check(&self) -> Result<(), Trouble> {
        let session = session::sign_in(&self.api, &self.config.auth).await?;
        self.set_session(session);
        Ok(())
    }

    async fn keep(&self) {
        loop {
            sleep(LOOK).await;
            let Some(session) = self.session() else { continue };
            if let Some(token) = self.other_token(&session) {
                self.take_up(token).await;
            } else if session.is_due() {
                self.extend(&session).await;
            }
        }
    }

    async fn wrap(&self, id: KeyId, key: KeyBytes) -> Result<Vec<u8>, Trouble> {
        #[derive(Serialize)]
        struct Encrypt<'a> {
            plaintext: &'a str,
            associated_data: String,
        }
        #[derive(Deserialize)]
        struct Encrypted {
            ciphertext: String,
        }

        let plaintext = Zeroizing::new(BASE64.encode(&*key));
        let body = session::json(&Encrypt { plaintext: &plaintext, associated_data: associated_data(id) });
        // Associated data is required, to bind the key's id.
        let answer: Data<Encrypted> = self.transit("encrypt", body, Trouble::NoKey).await?;
        Ok(answer.data.ciphertext.into_bytes())
    }

    async fn unwrap(&self, id: KeyId, wrapped: Vec<u8>) -> Result<KeyBytes, Trouble> {
        #[derive(Serialize)]
        struct Decrypt<'a> {
            ciphertext: &'a str,
            associated_data: String,
        }
        #[derive(Deserialize)]
        struct Decrypted {
            plaintext: String,
        }

        let ciphertext = std::str::from_utf8(&wrapped).map_err(|_| Trouble::Foreign)?;
        let body = session::json(&Decrypt { ciphertext, associated_data: associated_data(id) });
        let answer: Data<Decrypted> = self.transit("decrypt", body, Trouble::Foreign).await?;
        let plaintext = Zeroizing::new(answer.data.plaintext);
        let mut key = Zeroizing::new(Vec::with_capacity(plaintext.len()));
        BASE64.decode_vec(&*plaintext, &mut key).map_err(|_| Trouble::Protocol)?;
        Ok(key)
    }
}

/// The envelope of the engine's responses.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

fn associated_data(id: KeyId) -> String {
    BASE64.encode(format!("postern:key-id={id}"))
}

impl Vault {
    /// Sends a request to the engine. If the token is refused, it may have been replaced since the last check.
    async fn transit<T: DeserializeOwned>(
        &self,
        verb: &str,
        body: Bytes,
        bad: Trouble,
    ) -> Result<T, Trouble> {
        let path = format!("{}/{verb}/{}", self.config.mount, self.config.key);
        let session = self.session().ok_or(Trouble::Defect)?;
        match self.api.post(&path, Some(&session.token), body.clone(), bad.clone()).await {
            Err(Trouble::Refused) => {}
            answer => return answer,
        }
        let fresh = session::sign_in(&self.api, &self.config.auth).await?;
        let answer = self.api.post(&path, Some(&fresh.token), body, bad).await;
        self.set_session(fresh);
        answer
    }

    /// The token in the file, if it was replaced.
    fn other_token(&self, session: &Session) -> Option<Secret> {
        match &self.config.auth {
            VaultAuth::TokenFile(path) => session::other_token(path, &session.token),
            VaultAuth::Kubernetes { .. } => None,
        }
    }

    async fn take_up(&self, token: Secret) {
        match session::with_token(&self.api, token).await {
            Ok(fresh) => {
                self.set_session(fresh);
                tracing::info!(root = %self.name, "the root's token was replaced");
            }
            Err(trouble) => {
                tracing::error!(root = %self.name, "the new token in the root's token file cannot be used: {trouble}");
                sleep(session::RETRY).await;
            }
        }
    }

    async fn extend(&self, session: &Session) {
        // A service account signs in again, which also gets around the maximum lifetime of a token.
        let extended = match &self.config.auth {
            VaultAuth::TokenFile(_) => session::renew(&self.api, session).await,
            auth @ VaultAuth::Kubernetes { .. } => {
                session::sign_in(&self.api, auth).await.map(|fresh| (fresh, Renewed::Well))
            }
        };
        match extended {
            Ok((renewed_session, renewed)) => {
                self.exchange(session, renewed_session);
                if let Renewed::Ending(left) = renewed {
                    let seconds = left.as_secs();
                    tracing::warn!(root = %self.name, seconds, "the root's token expires soon and cannot be renewed any further; write a new one to its file");
                }
            }
            Err(trouble) => {
                self.exchange(session, session.later());
                tracing::error!(root = %self.name, "the root's token could not be renewed: {trouble}; the key ring in memory stays in use, but cannot be loaded or changed once the token has expired");
            }
        }
    }

    fn session(&self) -> Option<Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces `old` by `new`, unless another call has signed in again in the meantime.
    fn exchange(&self, old: &Session, new: Session) {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.as_ref().is_some_and(|current| Arc::ptr_eq(&current.token, &old.token)) {
            *session = Some(new);
        }
    }

    fn set_session(&self, session: Session) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }
}
