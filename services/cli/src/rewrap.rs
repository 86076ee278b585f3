//! `postern rewrap`.

use std::{
    fmt::Write as _,
    io::{self, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use postern_rewrap::{Job, Report};
use postern_rpc::crypto::{KeyState, Keyring};
use postern_store::SealCount;
use serde::Serialize;

use crate::{
    arguments::RewrapOptions,
    config::Config,
    crypto::{self, Crypto},
    database,
    failure::{Exit, Failure},
    output::{Output, count, table},
    waiting,
};

/// How long to wait for every replica to load the primary key.
const READY: Duration = Duration::from_secs(30);

/// What a run would do.
#[derive(Serialize)]
struct Plan {
    primary_key_id: u32,
    keys: Vec<PlannedKey>,
    to_rewrap: i64,
    /// Seals under keys that are disabled, destroyed or unknown.
    cannot_be_rewrapped: i64,
}

#[derive(Serialize)]
struct PlannedKey {
    /// 0 for values that are not seals.
    key_id: u32,
    /// `unknown` if the ring does not contain the key.
    state: &'static str,
    seals: i64,
    owners: i64,
}

/// What a run did.
#[derive(Serialize)]
struct Done {
    primary_key_id: u32,
    rewrapped: u64,
    /// Rows that their owners saved or deleted in the meantime.
    overtaken: u64,
    /// Seals that came back under another key, because the primary key changed in the meantime.
    elsewhere: u64,
    failed: u64,
    /// The first 100.
    failures: Vec<FailedRow>,
    /// Seals that are still under other keys.
    remaining: i64,
    /// A disabled key that has seals.
    #[serde(skip)]
    disabled: Option<u32>,
}

#[derive(Serialize)]
struct FailedRow {
    owner_id: String,
    connection_id: String,
    reason: String,
}

pub(crate) async fn run(options: &RewrapOptions, config: &Config, output: Output) -> Result<(), Failure> {
    let crypto = Crypto::new(config.crypto()?)?;
    let store = database::seals(config).await?;
    if options.dry_run {
        let plan = Plan::new(&crypto.ring().await?, &store.counts().await?)?;
        return output.print(&plan, || plan.to_text());
    }
    // A replica that has not loaded the primary key yet would put seals back under the old one.
    let ring =
        waiting::until_none_is(&crypto, READY, |ring, replica| replica.revision < ring.revision).await?;
    let plan = Plan::new(&ring, &store.counts().await?)?;

    let bar = bar(plan.under_other_keys())?;
    let job =
        Job::new(store.clone(), crypto.channel.clone()).under(plan.primary_key_id).at_most(options.rate);
    let mut moved = 0;
    let report = job.run(|report| {
        bar.set_position(report.rewrapped + report.overtaken + report.failed);
        moved = report.rewrapped;
    });
    let report = report.await;
    bar.finish_and_clear();

    let report = report.map_err(|error| done_in_part(error.into(), moved))?;
    let after = store.counts().await.map_err(|error| done_in_part(error.into(), moved))?;
    let done = Done::new(&report, &Plan::new(&ring, &after)?);
    output.print(&done, || done.to_text())?;
    done.complain()
}

/// A failure after some seals were rewrapped. It must not exit with the code that means "nothing was changed".
fn done_in_part(failure: Failure, moved: u64) -> Failure {
    if moved == 0 {
        return failure;
    }
    let exit = if failure.exit == Exit::Unavailable { Exit::Unavailable } else { Exit::Failed };
    let (message, hint) = failure.into_parts();
    let after = Failure::new(exit, format!("{message}; {} rewrapped before that", count(moved, "seal")));
    after.hint(hint.unwrap_or_else(|| "Run this command again to continue.".to_owned()))
}

/// A progress bar on stderr, hidden if stderr is not a terminal.
fn bar(length: i64) -> Result<ProgressBar, Failure> {
    let style = ProgressStyle::with_template("rewrapping {wide_bar} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(length.unsigned_abs());
    Ok(bar.with_style(style.map_err(anyhow::Error::from)?))
}

impl Plan {
    fn new(ring: &Keyring, counts: &[SealCount]) -> Result<Self, Failure> {
        let primary_key_id = crypto::primary(ring)?.id;
        let state = |id| crypto::state_word(crypto::state(ring, id).unwrap_or_default());
        let planned = |count: &SealCount| PlannedKey {
            key_id: count.key_id,
            state: state(count.key_id),
            seals: count.seals,
            owners: count.owners,
        };
        let keys: Vec<_> = counts.iter().map(planned).collect();
        let (movable, stuck): (Vec<_>, Vec<_>) =
            keys.iter().filter(|key| key.key_id != primary_key_id).partition(|key| key.is_movable());
        let seals = |keys: Vec<&PlannedKey>| keys.into_iter().map(|key| key.seals).sum();
        let (to_rewrap, cannot_be_rewrapped) = (seals(movable), seals(stuck));
        Ok(Self { primary_key_id, keys, to_rewrap, cannot_be_rewrapped })
    }

    fn under_other_keys(&self) -> i64 {
        self.to_rewrap + self.cannot_be_rewrapped
    }

    fn to_text(&self) -> String {
        let row = |key: &PlannedKey| {
            [key.key_id.to_string(), key.state.to_owned(), key.seals.to_string(), key.owners.to_string()]
        };
        let rows: Vec<_> = self.keys.iter().map(row).collect();
        let keys = table(["key", "state", "seals", "owners"], &rows);
        let stuck = self.keys.iter().filter(|key| key.seals > 0 && !key.is_movable());
        let mut reasons = String::new();
        for key in stuck {
            let PlannedKey { key_id, state, seals, .. } = key;
            let _ = writeln!(reasons, "{seals} can't be rewrapped: key {key_id} is {state}");
        }
        let movable = count(self.to_rewrap.unsigned_abs(), "seal");
        format!("{keys}{movable} to rewrap under key {}.\n{reasons}", self.primary_key_id)
    }
}

impl PlannedKey {
    /// Whether seals under the key can be opened, and therefore rewrapped.
    fn is_movable(&self) -> bool {
        [KeyState::Staged, KeyState::Active, KeyState::Primary].map(crypto::state_word).contains(&self.state)
    }

    fn is_disabled(&self) -> bool {
        self.state == crypto::state_word(KeyState::Disabled) && self.seals > 0
    }
}

impl Done {
    fn new(report: &Report, after: &Plan) -> Self {
        let failures = report.failures.iter().map(|failure| FailedRow {
            owner_id: failure.owner.to_string(),
            connection_id: failure.connection.to_string(),
            reason: failure.reason.clone(),
        });
        Self {
            primary_key_id: after.primary_key_id,
            rewrapped: report.rewrapped,
            overtaken: report.overtaken,
            elsewhere: report.elsewhere,
            failed: report.failed,
            failures: failures.collect(),
            remaining: after.under_other_keys(),
            disabled: after.keys.iter().find(|key| key.is_disabled()).map(|key| key.key_id),
        }
    }

    fn to_text(&self) -> String {
        let moved = count(self.rewrapped, "seal");
        format!(
            "{moved} rewrapped under key {}; {} left under other keys.\n",
            self.primary_key_id, self.remaining
        )
    }

    /// Fails if anything is left, and prints the rows that failed.
    fn complain(&self) -> Result<(), Failure> {
        for FailedRow { owner_id, connection_id, reason } in &self.failures {
            writeln!(io::stderr(), "postern: {reason}: connection {connection_id} of owner {owner_id}")?;
        }
        if self.failed > 0 {
            let message = format!("{} could not be rewrapped and are unchanged", count(self.failed, "seal"));
            let hint = match self.disabled {
                // The seals can still be saved.
                Some(id) => format!("Run `postern keyring enable {id}`, then this command again."),
                None => "Their owners must save these connections again.".to_owned(),
            };
            return Err(Failure::new(Exit::Failed, message).hint(hint));
        }
        if self.remaining > 0 {
            let message = format!(
                "{} under other keys were saved in the meantime, or the primary key has changed",
                count(self.remaining.unsigned_abs(), "seal")
            );
            return Err(Failure::new(Exit::Failed, message).hint("Run this command again."));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_after_some_seals_reports_them_and_is_not_a_refusal() {
        let refused = || Failure::refused("the certificate is not an operator's");
        assert_eq!(done_in_part(refused(), 0).exit, Exit::Refused);
        let halfway = done_in_part(refused(), 3);
        assert_eq!(halfway.exit, Exit::Failed);
        assert!(halfway.to_string().contains("3 seals rewrapped before that"), "{halfway}");
        assert_eq!(done_in_part(Failure::new(Exit::Unavailable, "away"), 3).exit, Exit::Unavailable);
    }
}
