//! Converts the ring and the reports of its replicas to protobuf.

use std::collections::BTreeMap;

use postern_envelope::{KeyId, KeyInfo, KeyState};
use postern_rpc::crypto;
use prost_types::Timestamp;

use super::Keyring;
use crate::live_ring::{Peer, UseCounts};

/// The ring that this replica uses, with the use counts and the state of all replicas.
pub(super) fn keyring(own: &Keyring) -> crypto::Keyring {
    let peers = peers(own);
    let mut uses = BTreeMap::<KeyId, UseCounts>::new();
    for (id, counts) in peers.iter().flat_map(|peer| peer.report.uses()) {
        let sum = uses.entry(id).or_default();
        *sum = sum.plus(counts);
    }
    let replicas = peers.iter().map(replica).collect();
    own.ring.with_ring(|ring| crypto::Keyring {
        revision: signed(ring.revision()),
        root: ring.root().to_owned(),
        keys: ring
            .keys()
            .iter()
            .map(|info| key(info, uses.get(&info.id).copied().unwrap_or_default()))
            .collect(),
        replicas,
    })
}

/// All replicas, with a current report of this one.
fn peers(own: &Keyring) -> Vec<Peer> {
    let mut peers = own.reporter.all().unwrap_or_else(|error| {
        tracing::warn!(kind = %error.kind(), "the reports of the other replicas cannot be read");
        Vec::new()
    });
    peers.retain(|peer| peer.report.name != *own.reporter.name());
    peers.push(Peer { report: own.reporter.report(), live: true });
    peers.sort_by(|one, other| one.report.name.cmp(&other.report.name));
    peers
}

fn key(info: &KeyInfo, uses: UseCounts) -> crypto::Key {
    crypto::Key {
        id: info.id.get(),
        state: state(info.state).into(),
        create_time: Some(time(info.created_at)),
        state_time: Some(time(info.state_since)),
        seal_count: signed(uses.seals),
        open_count: signed(uses.opens),
        last_use_time: (uses.last_use > 0).then(|| time(uses.last_use)),
    }
}

fn replica(Peer { report, live }: &Peer) -> crypto::Replica {
    crypto::Replica {
        name: report.name.as_str().to_owned(),
        revision: signed(report.revision),
        key_ids: report.loaded.iter().map(|id| id.get()).collect(),
        report_time: Some(time(report.reported_at())),
        live: *live,
    }
}

fn state(state: KeyState) -> crypto::KeyState {
    match state {
        KeyState::Staged => crypto::KeyState::Staged,
        KeyState::Primary => crypto::KeyState::Primary,
        KeyState::Active => crypto::KeyState::Active,
        KeyState::Disabled => crypto::KeyState::Disabled,
        KeyState::Destroyed => crypto::KeyState::Destroyed,
    }
}

fn time(seconds: u64) -> Timestamp {
    Timestamp { seconds: signed(seconds), nanos: 0 }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
