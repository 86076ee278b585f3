//! Being signed in to the vault, and staying so.

use std::{io::Read, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use postern_domain::Secret;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{VaultAuth, VaultPath, api::Api};
use crate::roots::{Trouble, client::wiped};

/// Bytes of the longest credential in a file.
const CREDENTIAL_BYTES: u64 = 64 * 1024;

/// Pause after a sign-in or renewal that failed; shorter where the token would not live that long.
pub(super) const RETRY: Duration = Duration::from_secs(5);

/// A token and its life.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) token: Arc<Secret>,
    /// The longest time to live that it was ever given; `None` for a token that does not end.
    life: Option<Duration>,
    /// When to renew it.
    due: Option<Instant>,
    /// When it ends, if it cannot be renewed.
    end: Option<Instant>,
}

/// How a renewal went.
pub(super) enum Renewed {
    /// As it should.
    Well,
    /// The vault gives less and less, or nothing: the token is near the end of the longest life it may have.
    Ending(Duration),
}

impl Session {
    /// A session whose token lives on for this long.
    fn new(token: Secret, life: Option<Duration>) -> Self {
        let due = life.map(|life| Instant::now() + life / 2);
        Self { token: Arc::new(token), life, due, end: None }
    }

    /// A session whose token ends then, whatever is done. The vault rounds what is left down to seconds.
    fn ending(self) -> Self {
        let end = |life| Instant::now() + life + Duration::from_secs(1);
        Self { end: self.life.map(end), ..self }
    }

    /// What is left of a token that cannot be renewed.
    fn left(&self) -> Option<Duration> {
        let left = self.end?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether half of the token's life is over.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// The same session, to be renewed some moments later.
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

/// A token in the file that is not this one, if there is any.
pub(super) fn other_token(path: &Path, than: &Secret) -> Option<Secret> {
    read(path).ok().filter(|token| token != than)
}

/// Asks the vault what it thinks of a token.
pub(super) async fn with_token(api: &Api, token: Secret) -> Result<Session, Trouble> {
    /// `data` of `auth/token/lookup-self`; times are in seconds, and 0 for a token that does not end.
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

/// Lets the token live longer. One that cannot is left alone until it has ended: then the vault says why it is no use.
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

/// The part of an answer that tells of a token.
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
    // Being written.
    if credential.is_empty() {
        return Err(Trouble::CredentialFile(std::io::ErrorKind::UnexpectedEof));
    }
    Ok(Secret::new(credential.to_vec()))
}

/// JSON that is wiped when it is sent.
pub(super) fn json(value: &impl Serialize) -> Bytes {
    // Full length from the start: growing would leave copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(usize::try_from(2 * CREDENTIAL_BYTES).unwrap_or(0)));
    serde_json::to_writer(&mut *body, value).expect("text always serializes");
    wiped(body)
}
