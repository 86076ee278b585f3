//! The ring, as text and as JSON.

use std::time::Duration;

use postern_rpc::crypto::{Key, Keyring, Replica};
use postern_store::SealCount;
use prost_types::Timestamp;
use serde::Serialize;

use crate::{crypto::state_word, database, output::table};

/// The ring, its keys and its replicas.
#[derive(Serialize)]
pub(super) struct RingView {
    revision: i64,
    root: String,
    keys: Vec<KeyView>,
    replicas: Vec<ReplicaView>,
}

/// Times are RFC 3339.
#[derive(Serialize)]
struct KeyView {
    id: u32,
    state: &'static str,
    create_time: Option<String>,
    state_time: Option<String>,
    seal_count: i64,
    open_count: i64,
    last_use_time: Option<String>,
    /// Seals under it in the control database; null if the database is not configured or unavailable.
    stored_seals: Option<i64>,
    #[serde(skip)]
    times: Times,
}

/// The same times, for showing as ages.
struct Times {
    created: Option<Timestamp>,
    state: Option<Timestamp>,
    used: Option<Timestamp>,
}

#[derive(Serialize)]
struct ReplicaView {
    name: String,
    revision: i64,
    key_ids: Vec<u32>,
    report_time: Option<String>,
    live: bool,
    /// Whether it has loaded the newest revision.
    ready: bool,
    #[serde(skip)]
    reported: Option<Timestamp>,
}

impl RingView {
    pub(super) fn new(ring: Keyring, counts: Option<&[SealCount]>) -> Self {
        let revision = ring.revision;
        Self {
            revision,
            root: ring.root,
            keys: ring.keys.into_iter().map(|key| KeyView::new(&key, counts)).collect(),
            replicas: ring.replicas.into_iter().map(|replica| ReplicaView::new(replica, revision)).collect(),
        }
    }

    /// Two tables: keys and replicas. `now` is the time since 1970-01-01T00:00:00Z.
    pub(super) fn to_text(&self, now: Duration) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| key.cells(now)).collect();
        let keys =
            table(["key", "state", "since", "age", "sealed", "opened", "last use", "stored seals"], &keys);
        let replicas: Vec<_> = self.replicas.iter().map(|replica| replica.cells(now)).collect();
        let replicas = table(["replica", "revision", "keys", "reported", "state"], &replicas);
        format!("Revision {}, wrapped by the root '{}'.\n\n{keys}\n{replicas}", self.revision, self.root)
    }
}

impl KeyView {
    fn new(key: &Key, counts: Option<&[SealCount]>) -> Self {
        Self {
            id: key.id,
            state: state_word(key.state()),
            create_time: rfc3339(key.create_time),
            state_time: rfc3339(key.state_time),
            seal_count: key.seal_count,
            open_count: key.open_count,
            last_use_time: rfc3339(key.last_use_time),
            stored_seals: counts.map(|counts| database::under(counts, key.id).seals),
            times: Times { created: key.create_time, state: key.state_time, used: key.last_use_time },
        }
    }

    fn cells(&self, now: Duration) -> [String; 8] {
        [
            self.id.to_string(),
            self.state.to_owned(),
            ago(self.times.state, now),
            ago(self.times.created, now),
            self.seal_count.to_string(),
            self.open_count.to_string(),
            ago(self.times.used, now),
            self.stored_seals.map_or_else(|| "?".to_owned(), |seals| seals.to_string()),
        ]
    }
}

impl ReplicaView {
    fn new(replica: Replica, revision: i64) -> Self {
        Self {
            name: replica.name,
            revision: replica.revision,
            key_ids: replica.key_ids,
            report_time: rfc3339(replica.report_time),
            live: replica.live,
            ready: replica.live && replica.revision == revision,
            reported: replica.report_time,
        }
    }

    fn cells(&self, now: Duration) -> [String; 5] {
        let keys: Vec<_> = self.key_ids.iter().map(u32::to_string).collect();
        let state = match (self.live, self.ready) {
            (false, _) => "not live",
            (true, false) => "behind",
            (true, true) => "ready",
        };
        [
            self.name.clone(),
            self.revision.to_string(),
            keys.join(" "),
            ago(self.reported, now),
            state.to_owned(),
        ]
    }
}

fn rfc3339(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

/// How long ago, in the largest unit that fits: `5 s`, `3 min`, `2 h`, `40 d`; `never` without a time.
fn ago(time: Option<Timestamp>, now: Duration) -> String {
    let Some(time) = time else { return "never".to_owned() };
    let seconds = now.as_secs().saturating_sub(time.seconds.unsigned_abs());
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_in_the_largest_unit_that_fits() {
        let now = Duration::from_secs(10_000_000);
        let cases =
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86_400, "1 d"), (9_000_000, "104 d")];
        for (age, text) in cases {
            let time = Timestamp { seconds: 10_000_000 - age, nanos: 0 };
            assert_eq!(ago(Some(time), now), text);
        }
        assert_eq!(ago(None, now), "never");
        assert_eq!(ago(Some(Timestamp { seconds: 10_000_009, nanos: 0 }), now), "0 s");
    }
}
