//! Signing in to the vault, and renewing the token.

use std::{io::Read, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use postern_domain::Secret;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{VaultAuth, VaultPath, api::Api};
use crate::roots::{Trouble, client::wiped};

/// Maximum size of a credential file in bytes.
const CREDENTIAL_BYTES: u64 = 64 * 1024;

/// Pause after a failed sign-in or renewal; shorter if the token would expire before.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// A token and its lifetime.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) token: Arc<Secret>,
    /// The longest time to live that it was ever granted; `None` for a token that does not expire.
    life: Option<Duration>,
    /// When to renew it.
    due: Option<Instant>,
    /// When it expires, if it cannot be renewed.
    end: Option<Instant>,
}

/// The outcome of a renewal.
pub(super) enum Renewed {
    /// Renewed in full.
    Well,
    /// Renewed for less time, or not at all: the token is near the end of its maximum lifetime.
    Ending(Duration),
}

impl Session {
    /// A session whose token is valid for this long.
    fn new(token: Secret, life: Option<Duration>) -> Self {
        let due = life.map(|life| Instant::now() + life / 2);
        Self { token: Arc::new(token), life, due, end: None }
    }

    /// A session whose token expires then and cannot be renewed. The vault rounds the remaining time down to seconds.
    fn ending(self) -> Self {
        let end = |life| Instant::now() + life + Duration::from_secs(1);
        Self { end: self.life.map(end), ..self }
    }

    /// The remaining lifetime of a token that cannot be renewed.
    fn left(&self) -> Option<Duration> {
        let left = self.end?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether half of the token's lifetime is over.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// The same session, with its renewal postponed.
    pub(super) fn later(&self) -> Self {
        let pause = self.life.map_or(RETRY, |life| RETRY.min(life / 8));
        Self { due: Some(Instant::now() + pause), ..self.clone() }
    }
}

/// Signs in as configured.
pub(super) async fn sign_in(api: &Api, auth: &VaultAuth) -> Result<Session, Trouble> {
    match auth {
        VaultAuth::TokenFile(path) => with_token(api, read(path)?).await,
        VaultAuth::Kubernetes { role, jwt_path, mount } => as_account(api, role, jwt_path, mount).await,
    }
}

/// The token in the file, if it is another one.
pub(super) fn other_token(path: &Path, than: &Secret) -> Option<Secret> {
    read(path).ok().filter(|token| token != than)
}

/// Looks a token up in the vault.
pub(super) async fn with_token(api: &Api, token: Secret) -> Result<Session, Trouble> {
    /// `data` of `auth/token/lookup-self`; times are in seconds; 0 for a token that does not expire.
    #[derive(Deserialize)]
    struct Lookup {
        data: TokenData,
    }
    #[derive(Deserialize)]
    struct TokenData {
        ttl: u64,
        renewable: bool,
    }

    let Lookup { data } = api.get("auth/token/lookup-self", &token).await?;
    let life = (data.ttl > 0).then(|| Duration::from_secs(data.ttl));
    let session = Session::new(token, life);
    Ok(if data.renewable { session } else { session.ending() })
}

async fn as_account(api: &Api, role: &str, jwt_path: &Path, mount: &VaultPath) -> Result<Session, Trouble> {
    #[derive(Serialize)]
    struct Login<'a> {
        role: &'a str,
        jwt: &'a str,
    }

    let jwt = read(jwt_path)?;
    let jwt = std::str::from_utf8(jwt.expose()).map_err(|_| Trouble::Refused)?;
    let path = format!("auth/{mount}/login");
    let Lease { auth } = api.post(&path, None, json(&Login { role, jwt }), Trouble::Refused).await?;
    let life = (auth.lease_duration > 0).then(|| Duration::from_secs(auth.lease_duration));
    Ok(Session::new(Secret::from_text(auth.client_token), life))
}

/// Renews the token. A token that cannot be renewed is used until it expires; the vault's error then says so.
pub(super) async fn renew(api: &Api, session: &Session) -> Result<(Session, Renewed), Trouble> {
    if let Some(left) = session.left() {
        let due = Some(Instant::now() + left / 2);
        return Ok((Session { due, ..session.clone() }, Renewed::Ending(left)));
    }
    let body = Bytes::from_static(b"{}");
    let Lease { auth } =
        api.post("auth/token/renew-self", Some(&session.token), body, Trouble::Refused).await?;
    let left = Duration::from_secs(auth.lease_duration);
    let longest = session.life.unwrap_or_default().max(left);
    let renewed = if left < longest / 2 { Renewed::Ending(left) } else { Renewed::Well };
    let due = Some(Instant::now() + left / 2);
    Ok((Session { token: Arc::clone(&session.token), life: Some(longest), due, end: None }, renewed))
}

/// The part of a response that describes a token.
#[derive(Deserialize)]
struct Lease {
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    client_token: String,
    /// Seconds.
    lease_duration: u64,
}

fn read(path: &Path) -> Result<Secret, Trouble> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
    let file = std::fs::File::open(path).map_err(|error| Trouble::CredentialFile(error.kind()))?;
    let read = file.take(CREDENTIAL_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| Trouble::CredentialFile(error.kind()))?;
    let credential = bytes.trim_ascii();
    // The file is being written.
    if credential.is_empty() {
        return Err(Trouble::CredentialFile(std::io::ErrorKind::UnexpectedEof));
    }
    Ok(Secret::new(credential.to_vec()))
}

/// JSON that is wiped when it is sent.
pub(super) fn json(value: &impl Serialize) -> Bytes {
    // Allocated in full: growing would leave copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(usize::try_from(2 * CREDENTIAL_BYTES).unwrap_or(0)));
    serde_json::to_writer(&mut *body, value).expect("text always serializes");
    wiped(body)
}
