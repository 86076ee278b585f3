//! Callers that seal, open and rewrap, and fail the test with the first call that fails.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use postern_chassis::mtls::CryptoChannel;
use postern_rpc::crypto::{
    BatchDecryptRequest, Context, DecryptItem, DecryptRequest, EncryptRequest, RewrapRequest,
    crypto_service_client::CryptoServiceClient, decrypt_result::Outcome,
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::fleet::{Fleet, Replica, as_user};

/// Seals that a caller keeps and opens again and again; the oldest is rewrapped and replaced.
const KEPT: usize = 24;

/// Callers at work.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    callers: JoinSet<()>,
}

/// What the load did.
#[derive(Debug)]
pub(crate) struct Done {
    /// Calls, all of which succeeded.
    pub(crate) calls: u64,
}

impl Load {
    /// Starts callers that go from one replica to the other with every call.
    pub(crate) fn start(fleet: &Fleet, replicas: [&Replica; 2], callers: usize) -> Self {
        let (stop, calls) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut set = JoinSet::new();
        for number in 0..callers {
            let owner = Uuid::new_v4();
            let mut caller = Caller {
                sealers: replicas.map(|replica| fleet.crypto(replica, "connection-service")),
                openers: replicas.map(|replica| fleet.crypto(replica, "proxy-service")),
                token: fleet.token(owner),
                owner,
                turn: number,
                calls: calls.clone(),
            };
            let stop = stop.clone();
            set.spawn(async move {
                let mut kept = Vec::new();
                while !stop.load(Relaxed) {
                    caller.round(&mut kept).await;
                }
                caller.open_all(&kept).await;
            });
        }
        Self { stop, calls, callers: set }
    }

    /// Stops the callers once each has opened all it kept.
    pub(crate) async fn finish(mut self) -> Done {
        self.stop.store(true, Relaxed);
        while let Some(caller) = self.callers.join_next().await {
            caller.unwrap();
        }
        Done { calls: self.calls.load(Relaxed) }
    }
}

struct Caller {
    sealers: [CryptoServiceClient<CryptoChannel>; 2],
    openers: [CryptoServiceClient<CryptoChannel>; 2],
    token: Arc<str>,
    owner: Uuid,
    turn: usize,
    calls: Arc<AtomicU64>,
}

/// A stored secret.
struct Kept {
    context: Context,
    sealed: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Caller {
    /// Seals one, opens it at once at the other replica, then opens all that is kept; now and then rewraps the oldest.
    async fn round(&mut self, kept: &mut Vec<Kept>) {
        let sealed = self.seal().await;
        self.open(&sealed).await;
        kept.push(sealed);
        self.open_all(kept).await;
        if kept.len() > KEPT {
            let oldest = kept.remove(0);
            let oldest = self.rewrap(oldest).await;
            self.open(&oldest).await;
        }
    }

    async fn seal(&mut self) -> Kept {
        let context = Context {
            secret_id: Uuid::new_v4().as_bytes().to_vec(),
            kind: "postgres".to_owned(),
            endpoint_digest: vec![7; 32],
        };
        let plaintext = Uuid::new_v4().as_bytes().repeat(8);
        let message = EncryptRequest { context: Some(context.clone()), plaintext: plaintext.clone() };
        let replica = self.next();
        let sealed = self.sealers[replica].encrypt(as_user(&self.token, message)).await;
        Kept { context, sealed: sealed.unwrap().into_inner().sealed, plaintext }
    }

    async fn open(&mut self, kept: &Kept) {
        let message = DecryptRequest { context: Some(kept.context.clone()), sealed: kept.sealed.clone() };
        let replica = self.next();
        let opened = self.openers[replica].decrypt(as_user(&self.token, message)).await;
        assert_eq!(opened.unwrap().into_inner().plaintext, kept.plaintext);
    }

    async fn open_all(&mut self, kept: &[Kept]) {
        let items = kept.iter().enumerate().map(|(number, kept)| DecryptItem {
            reference: number.to_string(),
            context: Some(kept.context.clone()),
            sealed: kept.sealed.clone(),
        });
        let message = BatchDecryptRequest { items: items.collect() };
        if message.items.is_empty() {
            return;
        }
        let replica = self.next();
        let opened = self.openers[replica].batch_decrypt(as_user(&self.token, message)).await;
        for (result, kept) in opened.unwrap().into_inner().results.into_iter().zip(kept) {
            assert_eq!(result.outcome, Some(Outcome::Plaintext(kept.plaintext.clone())));
        }
    }

    async fn rewrap(&mut self, kept: Kept) -> Kept {
        let message = RewrapRequest {
            owner_id: self.owner.as_bytes().to_vec(),
            context: Some(kept.context.clone()),
            sealed: kept.sealed,
        };
        let replica = self.next();
        let rewrapped = self.sealers[replica].rewrap(message).await;
        Kept { sealed: rewrapped.unwrap().into_inner().sealed, ..kept }
    }

    fn next(&mut self) -> usize {
        self.turn += 1;
        self.calls.fetch_add(1, Relaxed);
        self.turn % 2
    }
}
