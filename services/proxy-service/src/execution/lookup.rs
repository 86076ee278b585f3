//! From an owner and a name to the connection as it is stored now, and to its secrets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use postern_domain::{ConnectionId, ConnectionName, OwnerId, SealedSecret, SecretName};
use postern_store::{ProxyStore, SavedConnection, StoreError};
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
    /// Which connection a name led to last, to notice that it was deleted, or deleted and made anew.
    names: Mutex<HashMap<(OwnerId, ConnectionName), ConnectionId>>,
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

    /// The owner's connection of this name, as it is now.
    pub(crate) async fn look_up(&self, owner: OwnerId, name: &ConnectionName) -> Result<Found, Failure> {
        let connection = within(self.store.look_up(owner, name)).await?;
        let gone = self.note(owner, name, connection.as_ref().map(|connection| connection.id));
        Ok(Found { connection, gone })
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
    fn note(&self, owner: OwnerId, name: &ConnectionName, id: Option<ConnectionId>) -> Option<ConnectionId> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (owner, name.clone());
        let before = match id {
            Some(id) => {
                if names.len() >= NAMES && !names.contains_key(&key) {
                    names.clear();
                }
                names.insert(key, id)
            }
            None => names.remove(&key),
        };
        before.filter(|before| Some(*before) != id)
    }
}

async fn within<T>(reading: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
    match timeout(WITHIN, reading).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(Failure::Lookup(error.to_string().into())),
        Err(_) => Err(Failure::LookupBusy),
    }
}
