//! From an owner and a name to the connection as it is stored now, and to its secrets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use postern_domain::{
    Caller, ConnectionId, ConnectionName, Host, OwnerId, SealedSecret, SecretName, Version,
};
use postern_store::{Denied, ProxyStore, SavedConnection, StoreError};
use tokio::time::timeout;

use super::Failure;

/// Time for the control database's answer, the wait for a turn and a connection included.
const WITHIN: Duration = Duration::from_secs(5);

/// Names that are remembered. Forgetting one only costs that the sessions of a deleted connection stay open, unused,
/// until they have been idle for long enough.
const NAMES: usize = 20_000;

/// Looks connections up, under row level security.
pub(crate) struct Lookups {
    store: ProxyStore,
    /// Where each name led last, to notice that it was deleted, or deleted and made anew, and to know whose sessions a
    /// denial concerns.
    names: Mutex<HashMap<(OwnerId, ConnectionName), Lead>>,
}

/// Where a name led.
struct Lead {
    id: ConnectionId,
    version: Version,
    host: Host,
    /// Who issued the tokens of its owner.
    issuer: Arc<str>,
}

impl Lead {
    fn new(caller: &Caller, connection: &SavedConnection) -> Self {
        let host = connection.endpoint.host().clone();
        Self { id: connection.id, version: connection.version, host, issuer: Arc::clone(&caller.issuer) }
    }

    fn leads_to(&self, connection: &SavedConnection) -> bool {
        (self.id, self.version) == (connection.id, connection.version)
    }

    /// Whether nobody may use the connection any more. A token that is denied leaves its owner's other tokens.
    fn is_denied(&self, owner: OwnerId, denied: &Denied) -> bool {
        match denied {
            Denied::Owner(denied) => owner == *denied,
            Denied::Issuer(issuer) => *self.issuer == **issuer,
            Denied::Host(host) => self.host == *host,
            Denied::Connection(connection) => self.id == *connection,
            Denied::Token { .. } => false,
        }
    }
}

/// What a lookup found.
pub(crate) struct Found {
    /// The connection, or `None` if the owner has none of this name.
    pub connection: Option<Arc<SavedConnection>>,
    /// The connection that the name led to before and leads to no more.
    pub gone: Option<ConnectionId>,
}

impl Lookups {
    pub(crate) fn new(store: ProxyStore) -> Self {
        Self { store, names: Mutex::default() }
    }

    /// The caller's connection of this name, as it is now.
    pub(crate) async fn look_up(&self, caller: &Caller, name: &ConnectionName) -> Result<Found, Failure> {
        let connection = within(self.store.look_up(caller, name)).await?;
        let gone = self.note(caller, name, connection.as_deref());
        Ok(Found { connection, gone })
    }

    /// Denials that were added after this revision, with their own, in their order; some of them, if there are many.
    pub(crate) async fn denials_after(&self, revision: i64) -> Result<Vec<(i64, Denied)>, Failure> {
        within(self.store.denials_after(revision)).await
    }

    /// The connections that nobody may use any more, of those that are remembered.
    pub(crate) fn denied(&self, denied: &Denied) -> Vec<(OwnerId, ConnectionId)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let concerned = names.iter().filter(|((owner, _), lead)| lead.is_denied(*owner, denied));
        concerned.map(|((owner, _), lead)| (*owner, lead.id)).collect()
    }

    /// A secret of exactly this version of a connection, read anew each time: rewrapping changes the seal and not the
    /// version.
    pub(crate) async fn secret(
        &self,
        owner: OwnerId,
        connection: &SavedConnection,
        name: SecretName,
    ) -> Result<SealedSecret, Failure> {
        let reading = self.store.seals(owner, connection.id, connection.version);
        let secrets = within(reading).await?.ok_or(Failure::Superseded)?;
        let secret = secrets.into_iter().find(|secret| secret.name == name);
        secret.map(|secret| secret.secret).ok_or(Failure::NoSecret)
    }

    /// Remembers where a name leads, and tells what it led to before, if that was another connection.
    fn note(
        &self,
        caller: &Caller,
        name: &ConnectionName,
        connection: Option<&SavedConnection>,
    ) -> Option<ConnectionId> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (caller.owner, name.clone());
        let before = match connection {
            Some(connection) => {
                let before = names.get(&key);
                if before.is_some_and(|before| before.leads_to(connection)) {
                    return None;
                }
                if before.is_none() && names.len() >= NAMES {
                    names.clear();
                }
                names.insert(key, Lead::new(caller, connection))
            }
            None => names.remove(&key),
        };
        let id = connection.map(|connection| connection.id);
        before.map(|before| before.id).filter(|before| Some(*before) != id)
    }
}

async fn within<T>(reading: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
    match timeout(WITHIN, reading).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(StoreError::AccessWithdrawn)) => Err(Failure::AccessWithdrawn),
        Ok(Err(StoreError::ConnectionWithdrawn)) => Err(Failure::ConnectionWithdrawn),
        Ok(Err(error)) => Err(Failure::Lookup(error.to_string().into())),
        Err(_) => Err(Failure::LookupBusy),
    }
}
