//! Adapts a remote service, which is asynchronous, to the blocking trait [`Root`].

use std::{sync::Arc, time::Duration};

use postern_envelope::{Entropy, KeyId, MasterKey};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use zeroize::Zeroizing;

use super::{OpenError, Trouble, worker::Worker};
use crate::{Root, RootError};

/// Time for wrapping or unwrapping one key, including a new sign-in.
const DEADLINE: Duration = Duration::from_secs(10);

/// Pause after the first attempt at startup. It doubles with each attempt, up to a maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Bytes of a key, wiped when dropped.
pub(super) type KeyBytes = Zeroizing<Vec<u8>>;

/// A kind of remote root. It binds the key's id to the wrapped key.
pub(super) trait Service: Send + Sync + 'static {
    /// See [`Root::kind`].
    const KIND: &'static str;

    /// Checks at startup that the service is available and accepts the credential.
    fn check(&self) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Work that continues while the root is used, such as renewing a token. May end.
    fn keep(&self) -> impl Future<Output = ()> + Send;

    /// Wraps a key.
    fn wrap(&self, id: KeyId, key: KeyBytes) -> impl Future<Output = Result<Vec<u8>, Trouble>> + Send;

    /// The reverse of [`Service::wrap`].
    fn unwrap(&self, id: KeyId, wrapped: Vec<u8>) -> impl Future<Output = Result<KeyBytes, Trouble>> + Send;
}

/// A [`Root`] over a [`Service`].
pub(super) struct Remote<S> {
    name: String,
    service: Arc<S>,
    worker: Worker,
}

impl<S: Service> Remote<S> {
    /// Retries for up to `patience` while the service is unavailable. A refusal is final.
    ///
    /// `name` identifies the root in errors and logs. `make` runs on the root's own runtime.
    pub(super) fn open<F>(name: String, patience: Duration, service: F) -> Result<Self, OpenError>
    where
        F: Future<Output = S> + Send + 'static,
    {
        let worker = Worker::start().map_err(OpenError::Thread)?;
        let job = {
            let name = name.clone();
            async move {
                let service = Arc::new(service.await);
                wait_for(&*service, &name, patience).await.map(|()| service)
            }
        };
        let service = match worker.run(job).unwrap_or(Err(Trouble::Defect)) {
            Ok(service) => service,
            Err(trouble) if trouble.may_pass() => {
                return Err(OpenError::Unavailable { root: name, waited: patience, trouble });
            }
            Err(trouble) => return Err(OpenError::Refused { root: name, trouble }),
        };
        let kept = Arc::clone(&service);
        worker.keep(async move { kept.keep().await });
        Ok(Self { name, service, worker })
    }

    fn ask<T, F>(&self, what: &'static str, id: KeyId, job: F) -> Result<T, RootError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Trouble>> + Send + 'static,
    {
        let bounded = async { timeout(DEADLINE, job).await.unwrap_or(Err(Trouble::Timeout)) };
        self.worker.run(bounded).unwrap_or(Err(Trouble::Defect)).map_err(|trouble| {
            tracing::error!(root = %self.name, key = %id, "the root did not {what} a key: {trouble}");
            trouble.as_root_error()
        })
    }
}

async fn wait_for<S: Service>(service: &S, name: &str, patience: Duration) -> Result<(), Trouble> {
    let end = Instant::now() + patience;
    let (mut pause, mut last) = (FIRST_PAUSE, Trouble::Timeout);
    loop {
        let until = end.max(Instant::now() + FIRST_PAUSE).min(Instant::now() + DEADLINE);
        match timeout_at(until, service.check()).await {
            Ok(Err(trouble)) if trouble.may_pass() => last = trouble,
            Ok(outcome) => return outcome,
            // This attempt was cut short; the previous one has the better error.
            Err(_) => {}
        }
        if Instant::now() + pause >= end {
            return Err(last);
        }
        tracing::warn!(root = name, "the root is not ready, trying again: {last}");
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

impl<S: Service> Root for Remote<S> {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn wrap_key(&self, id: KeyId, key: &MasterKey, _: &dyn Entropy) -> Result<Vec<u8>, RootError> {
        let (service, key) = (Arc::clone(&self.service), Zeroizing::new(key.expose().to_vec()));
        self.ask("wrap", id, async move { service.wrap(id, key).await })
    }

    fn unwrap_key(&self, id: KeyId, wrapped: &[u8]) -> Result<MasterKey, RootError> {
        let (service, wrapped) = (Arc::clone(&self.service), wrapped.to_vec());
        let key = self.ask("unwrap", id, async move { service.unwrap(id, wrapped).await })?;
        MasterKey::from_slice(&key).ok_or(RootError::Foreign)
    }
}

#[cfg(test)]
#[path = "remote_tests.rs"]
mod tests;
