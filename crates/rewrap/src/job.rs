//! The walk over the secrets.

use std::num::NonZeroU32;

use futures_util::{StreamExt, TryStreamExt, stream};
use postern_crypto_client::{CryptoChannel, Rewrap, Rewrapped, Rewrapper, SealContext, seal::key_id};
use postern_domain::limits::SEAL_BYTES;
use postern_rpc::Reason;
use postern_store::{Place, RewrapStore, SealRow, StoredSeal};

use crate::{Failure, Report, RewrapError, broken::BrokenSeals, pace::Pace};

/// Rows written concurrently. Each waits for its own commit.
const WRITERS: usize = 8;

/// Replaces the seals that are not under the primary key.
pub struct Job {
    store: RewrapStore,
    crypto: Rewrapper,
    /// Id of the key to rewrap under: given, or the newest that the job has seen. A replica of crypto-service
    /// that has not loaded the newest primary key yet must not put seals back under the previous one.
    key: Option<u32>,
    is_given: bool,
    rate: Option<NonZeroU32>,
    broken: BrokenSeals,
}

/// What happened to a row.
enum Outcome {
    Rewrapped,
    /// It was already under the key.
    Left,
    Overtaken,
    Elsewhere,
    Failed(String),
}

impl Job {
    /// A job over this database, with a channel to crypto-service whose certificate may rewrap.
    pub fn new(store: RewrapStore, crypto: CryptoChannel) -> Self {
        let (crypto, broken) = (Rewrapper::new(crypto), BrokenSeals::default());
        Self { store, crypto, key: None, is_given: false, rate: None, broken }
    }

    /// Sets the primary key, so that rows under it are not read. By default, the newest key in any row or response
    /// counts as the primary one, which is wrong if an older key was promoted again.
    #[must_use]
    pub fn under(mut self, key: u32) -> Self {
        (self.key, self.is_given) = (Some(key), true);
        self
    }

    /// Limits the seals sent per second.
    #[must_use]
    pub fn at_most(mut self, rate: Option<NonZeroU32>) -> Self {
        self.rate = rate;
        self
    }

    /// Walks until there is nothing left to do. Calls `progress` after each batch with the report so far.
    pub async fn run(mut self, mut progress: impl FnMut(&Report) + Send) -> Result<Report, RewrapError> {
        let (mut report, mut pace) = (Report::default(), Pace::new(self.rate));
        loop {
            let before = (report.changes(), self.key);
            self.walk(&mut report, &mut pace, &mut progress).await?;
            if (report.changes(), self.key) == before {
                return Ok(report);
            }
        }
    }

    /// Walks once over all rows that are not under the key.
    async fn walk(
        &mut self,
        report: &mut Report,
        pace: &mut Pace,
        progress: &mut (impl FnMut(&Report) + Send),
    ) -> Result<(), RewrapError> {
        report.start_walk();
        let mut after = None;
        loop {
            let rows = self.store.page(after.as_ref(), self.key, pace.batch().into()).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.place.clone());
            let sent = self.batch(rows, report).await?;
            progress(report);
            pace.spend(sent).await;
        }
    }

    /// Returns how many seals crypto-service was sent.
    async fn batch(&mut self, rows: Vec<SealRow>, report: &mut Report) -> Result<usize, RewrapError> {
        let mut seals = Vec::with_capacity(rows.len());
        for SealRow { place, seal } in rows {
            match seal {
                // Not a valid seal, and it could make the request larger than crypto-service accepts.
                Some(seal) if seal.secret.sealed.len() > SEAL_BYTES => count(report, place, broken()),
                Some(seal) if self.broken.has(&place, &seal) => count(report, place, broken()),
                Some(seal) => seals.push((place, seal)),
                None => count(report, place, Outcome::Failed(Reason::Internal.as_str().to_owned())),
            }
        }
        if seals.is_empty() {
            return Ok(0);
        }
        let sent = seals.len();
        let answers = self.crypto.rewrap(seals.iter().enumerate().map(rewrap).collect()).await?;
        if !self.is_given {
            // A broken seal may name any key.
            let opened = seals.iter().zip(&answers).filter_map(|((_, seal), answer)| {
                let answer = answer.as_ref().ok()?;
                key_id(&seal.secret.sealed).max(key_id(answer))
            });
            self.key = opened.max().max(self.key);
        }
        for ((place, seal), _) in seals.iter().zip(&answers).filter(|(_, answer)| is_broken(answer)) {
            self.broken.remember(place, seal);
        }
        let pairs = seals.into_iter().zip(answers);
        let mut outcomes = stream::iter(pairs)
            .map(|((place, seal), answer)| put(&self.store, self.key, place, seal, answer))
            .buffer_unordered(WRITERS);
        while let Some((place, outcome)) = outcomes.try_next().await? {
            count(report, place, outcome);
        }
        Ok(sent)
    }
}

/// Stores a new seal in place of the one it was made from.
async fn put(
    store: &RewrapStore,
    key: Option<u32>,
    place: Place,
    seal: StoredSeal,
    answer: Rewrapped,
) -> Result<(Place, Outcome), RewrapError> {
    let outcome = match answer {
        Err(reason) => Outcome::Failed(reason),
        Ok(sealed) if key_id(&sealed) != key => Outcome::Elsewhere,
        Ok(sealed) if sealed == seal.secret.sealed => Outcome::Left,
        Ok(sealed) if store.replace(&place, &seal, &sealed).await? => Outcome::Rewrapped,
        Ok(_) => Outcome::Overtaken,
    };
    Ok((place, outcome))
}

/// The reference is unique in a batch, and reveals nothing about the row.
fn rewrap((number, (place, seal)): (usize, &(Place, StoredSeal))) -> Rewrap {
    let StoredSeal { kind, endpoint, secret } = seal;
    Rewrap {
        reference: number.to_string(),
        owner: place.owner,
        context: SealContext { secret_id: secret.id, kind: *kind, endpoint: *endpoint },
        sealed: secret.sealed.clone(),
    }
}

fn count(report: &mut Report, place: Place, outcome: Outcome) {
    match outcome {
        Outcome::Rewrapped => report.rewrapped += 1,
        Outcome::Left => {}
        Outcome::Overtaken => report.overtaken += 1,
        Outcome::Elsewhere => report.elsewhere += 1,
        Outcome::Failed(reason) => report.fail(Failure::new(place, reason)),
    }
}

fn broken() -> Outcome {
    Outcome::Failed(Reason::SealBroken.as_str().to_owned())
}

fn is_broken(answer: &Rewrapped) -> bool {
    answer.as_ref().is_err_and(|reason| reason == Reason::SealBroken.as_str())
}
