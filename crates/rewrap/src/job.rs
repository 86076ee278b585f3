//! The walk over the rows.

use std::num::NonZeroU32;

use futures_util::{StreamExt, TryStreamExt, stream};
use postern_domain::limits::SEAL_BYTES;
use postern_rpc::Reason;
use postern_store::{Place, RewrapStore, SealRow, StoredSeal};
use tonic::transport::Channel;

use crate::{
    Failure, Report, RewrapError,
    broken::BrokenSeals,
    crypto::{Rewrapped, Rewrapper},
    pace::Pace,
};

/// Rows written at once. Each waits for its own commit.
const WRITERS: usize = 8;

/// Replaces the seals that are not under the primary key.
pub struct Job {
    store: RewrapStore,
    crypto: Rewrapper,
    /// Id of the key that seals are to be under. Unless it was told, the newest that has been seen: a replica of
    /// crypto-service that has not heard of the newest primary key yet must not put seals back under the one before.
    key: Option<u32>,
    told: bool,
    rate: Option<NonZeroU32>,
    broken: BrokenSeals,
}

/// What became of a row.
enum Fate {
    Rewrapped,
    /// It was under the key already.
    Left,
    Overtaken,
    Elsewhere,
    Failed(String),
}

impl Job {
    /// A job over this database, with a channel to crypto-service that may rewrap.
    pub fn new(store: RewrapStore, crypto: Channel) -> Self {
        let (crypto, broken) = (Rewrapper::new(crypto), BrokenSeals::default());
        Self { store, crypto, key: None, told: false, rate: None, broken }
    }

    /// Names the primary key, so that rows under it are not even read. Without, it is taken to be the newest that a row
    /// or an answer bears: where an older key was promoted again, it must be named.
    #[must_use]
    pub fn under(mut self, key: u32) -> Self {
        (self.key, self.told) = (Some(key), true);
        self
    }

    /// At most so many seals a second.
    #[must_use]
    pub fn at_most(mut self, rate: Option<NonZeroU32>) -> Self {
        self.rate = rate;
        self
    }

    /// Walks until there is nothing left to do. `progress` is called after each batch with what was done so far.
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

    /// Goes once over all rows that are not under the key.
    async fn walk(
        &mut self,
        report: &mut Report,
        pace: &mut Pace,
        progress: &mut (impl FnMut(&Report) + Send),
    ) -> Result<(), RewrapError> {
        report.start_walk();
        let mut after = None;
        loop {
            let rows = self.store.page(after, self.key, pace.batch().into()).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.place);
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
                // Nothing of that length opens, and it could make the request longer than crypto-service takes.
                Some(seal) if seal.secret.sealed.len() > SEAL_BYTES => count(report, place, broken()),
                Some(seal) if self.broken.has(place, &seal) => count(report, place, broken()),
                Some(seal) => seals.push((place, seal)),
                None => count(report, place, Fate::Failed(Reason::Internal.as_str().to_owned())),
            }
        }
        if seals.is_empty() {
            return Ok(0);
        }
        let sent = seals.len();
        let answers = self.crypto.rewrap(&seals).await?;
        if !self.told {
            // A seal that does not open may name any key.
            let opened = seals.iter().zip(&answers).filter_map(|((_, seal), answer)| {
                let answer = answer.as_ref().ok()?;
                key_id(&seal.secret.sealed).max(key_id(answer))
            });
            self.key = opened.max().max(self.key);
        }
        for ((place, seal), _) in seals.iter().zip(&answers).filter(|(_, answer)| is_broken(answer)) {
            self.broken.remember(*place, seal);
        }
        let pairs = seals.into_iter().zip(answers);
        let mut fates = stream::iter(pairs)
            .map(|((place, seal), answer)| put(&self.store, self.key, place, seal, answer))
            .buffer_unordered(WRITERS);
        while let Some((place, fate)) = fates.try_next().await? {
            count(report, place, fate);
        }
        Ok(sent)
    }
}

/// Stores an answer where the seal was that it is an answer to.
async fn put(
    store: &RewrapStore,
    key: Option<u32>,
    place: Place,
    seal: StoredSeal,
    answer: Rewrapped,
) -> Result<(Place, Fate), RewrapError> {
    let fate = match answer {
        Err(reason) => Fate::Failed(reason),
        Ok(sealed) if key_id(&sealed) != key => Fate::Elsewhere,
        Ok(sealed) if sealed == seal.secret.sealed => Fate::Left,
        Ok(sealed) if store.replace(place, &seal, &sealed).await? => Fate::Rewrapped,
        Ok(_) => Fate::Overtaken,
    };
    Ok((place, fate))
}

fn count(report: &mut Report, (owner, connection): Place, fate: Fate) {
    match fate {
        Fate::Rewrapped => report.rewrapped += 1,
        Fate::Left => {}
        Fate::Overtaken => report.overtaken += 1,
        Fate::Elsewhere => report.elsewhere += 1,
        Fate::Failed(reason) => report.fail(Failure { owner, connection, reason }),
    }
}

fn broken() -> Fate {
    Fate::Failed(Reason::SealBroken.as_str().to_owned())
}

fn is_broken(answer: &Rewrapped) -> bool {
    answer.as_ref().is_err_and(|reason| reason == Reason::SealBroken.as_str())
}

/// The id of the key that a seal is under: bytes 5 to 8.
fn key_id(sealed: &[u8]) -> Option<u32> {
    let (id, _) = sealed.strip_prefix(b"PSL1")?.split_first_chunk()?;
    Some(u32::from_be_bytes(*id))
}
