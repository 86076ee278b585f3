//! The RPCs that manage the ring, called directly.

use std::{collections::BTreeMap, fs, io, time::Duration};

use postern_rpc::{Reason, crypto};
use tonic_types::StatusExt;

use super::*;
use crate::live_ring::{
    Report,
    test_support::{HangingRoot, NEW_YEAR, RingFolder, context, id, replica, stage},
};

struct Fixture {
    folder: RingFolder,
    own: Keyring,
}

impl Fixture {
    fn new() -> Self {
        let folder = RingFolder::new();
        let reporter = folder.reporter("one");
        let ring = folder.holder();
        reporter.started(ring.clone());
        reporter.publish().unwrap();
        Self { own: Keyring::new(ring, reporter), folder }
    }

    /// Another replica that has loaded these keys. `now` is the time by its own clock.
    fn replica(&self, name: &str, loaded: &[u32], now: u64) {
        self.replica_at(1, name, loaded, now);
    }

    /// Such a replica at this revision.
    fn replica_at(&self, revision: u64, name: &str, loaded: &[u32], now: u64) {
        let loaded = loaded.iter().map(|&number| id(number)).collect();
        let report = Report::new(replica(name), revision, loaded, &BTreeMap::new(), now);
        self.folder.reports().put(&report).unwrap();
    }

    /// Makes a replica's report older by this many seconds.
    fn age(&self, name: &str, seconds: u64) {
        let file = fs::File::options().append(true).open(self.folder.report_of(name)).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - Duration::from_secs(seconds)).unwrap();
    }

    async fn stage(&self) -> u32 {
        let request = StageKeyRequest { expected_revision: None };
        self.own.stage_key(Request::new(request)).await.unwrap().into_inner().key_id
    }

    async fn promote(&self, key_id: u32) -> Result<crypto::Keyring, Status> {
        let request = PromoteKeyRequest { key_id, expected_revision: None };
        let promoted = self.own.promote_key(Request::new(request)).await;
        promoted.map(|response| response.into_inner().keyring.unwrap())
    }

    async fn disable(&self, key_id: u32) -> Result<crypto::Keyring, Status> {
        let request = DisableKeyRequest { key_id, expected_revision: None };
        let disabled = self.own.disable_key(Request::new(request)).await;
        disabled.map(|response| response.into_inner().keyring.unwrap())
    }

    async fn enable(&self, key_id: u32) -> Result<crypto::Keyring, Status> {
        let request = EnableKeyRequest { key_id, expected_revision: None };
        let enabled = self.own.enable_key(Request::new(request)).await;
        enabled.map(|response| response.into_inner().keyring.unwrap())
    }

    async fn destroy(
        &self,
        key_id: u32,
        remaining: impl Into<Option<i64>>,
        loss: bool,
    ) -> Result<crypto::Keyring, Status> {
        let request = DestroyKeyRequest {
            key_id,
            expected_revision: None,
            remaining_seals: remaining.into(),
            allow_loss: loss,
        };
        let destroyed = self.own.destroy_key(Request::new(request)).await;
        destroyed.map(|response| response.into_inner().keyring.unwrap())
    }

    async fn get(&self) -> crypto::Keyring {
        let got = self.own.get_keyring(Request::new(GetKeyringRequest {})).await;
        got.unwrap().into_inner().keyring.unwrap()
    }
}

fn assert_reason<T: std::fmt::Debug>(outcome: Result<T, Status>, reason: Reason) -> Status {
    let status = outcome.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), status.code()), (reason.as_str(), reason.code()), "{status}");
    status
}

fn states(ring: &crypto::Keyring) -> Vec<crypto::KeyState> {
    ring.keys.iter().map(crypto::Key::state).collect()
}

#[tokio::test]
async fn a_key_goes_through_its_life() {
    use crypto::KeyState::{Active, Destroyed, Disabled, Primary, Staged};
    let fixture = Fixture::new();
    assert_eq!(fixture.stage().await, 2);
    assert_eq!(states(&fixture.get().await), [Primary, Staged]);
    assert_eq!(states(&fixture.promote(2).await.unwrap()), [Active, Primary]);
    assert_eq!(states(&fixture.disable(1).await.unwrap()), [Disabled, Primary]);
    assert_eq!(states(&fixture.enable(1).await.unwrap()), [Active, Primary]);
    assert_eq!(states(&fixture.disable(1).await.unwrap()), [Disabled, Primary]);
    let ring = fixture.destroy(1, 0, false).await.unwrap();
    assert_eq!((states(&ring), ring.revision, ring.root.as_str()), (vec![Destroyed, Primary], 7, "file"));
}

#[tokio::test]
async fn unknown_keys_and_wrong_states_are_refused() {
    let fixture = Fixture::new();
    for key in [0, 7] {
        assert_reason(fixture.promote(key).await, Reason::KeyNotFound);
        assert_reason(fixture.disable(key).await, Reason::KeyNotFound);
        assert_reason(fixture.enable(key).await, Reason::KeyNotFound);
        assert_reason(fixture.destroy(key, 0, false).await, Reason::KeyNotFound);
        assert_reason(fixture.destroy(key, 3, false).await, Reason::KeyNotFound);
    }
    assert_reason(fixture.promote(1).await, Reason::KeyState);
    let status = assert_reason(fixture.disable(1).await, Reason::KeyState);
    assert_eq!(status.message(), "key 1 is primary, but must be staged or active");
    assert_reason(fixture.enable(1).await, Reason::KeyState);
    assert_reason(fixture.destroy(1, 0, false).await, Reason::KeyState);
    assert_reason(fixture.destroy(1, 3, false).await, Reason::KeyState);
    assert_eq!(fixture.get().await.revision, 1);
}

#[tokio::test]
async fn seals_under_a_key_open_again_once_it_is_enabled() {
    let fixture = Fixture::new();
    let sealed = fixture.own.ring.seal(&context(), &postern_domain::Secret::new(vec![1])).unwrap();
    let key = fixture.stage().await;
    fixture.promote(key).await.unwrap();
    fixture.disable(1).await.unwrap();
    assert!(fixture.own.ring.open(&context(), &sealed).await.is_err());

    let stale = EnableKeyRequest { key_id: 1, expected_revision: Some(3) };
    assert_reason(fixture.own.enable_key(Request::new(stale)).await, Reason::VersionStale);
    let ring = fixture.enable(1).await.unwrap();
    assert!(fixture.own.ring.open(&context(), &sealed).await.is_ok());
    assert_eq!(ring.replicas[0].key_ids, [1, 2], "and it is reported");
}

#[tokio::test]
async fn a_change_decided_on_another_revision_is_refused() {
    let fixture = Fixture::new();
    for expected in [-1, 0, 2, i64::MAX] {
        let request = StageKeyRequest { expected_revision: Some(expected) };
        assert_reason(fixture.own.stage_key(Request::new(request)).await, Reason::VersionStale);
    }
    let request = StageKeyRequest { expected_revision: Some(1) };
    fixture.own.stage_key(Request::new(request)).await.unwrap();
}

#[tokio::test]
async fn a_key_is_promoted_once_every_live_replica_has_it() {
    let fixture = Fixture::new();
    for (name, seconds) in [("gone", 11), ("slow", 9)] {
        fixture.replica(name, &[1], NEW_YEAR);
        fixture.age(name, seconds);
    }
    fixture.replica("starting", &[], NEW_YEAR);
    // Whatever their clocks say, they have reported just now.
    fixture.replica("ahead", &[1], NEW_YEAR + 3600);
    fixture.replica("behind", &[1], NEW_YEAR - 3600);
    let key = fixture.stage().await;
    let status = assert_reason(fixture.promote(key).await, Reason::ReplicaNotReady);
    assert_eq!(status.message(), "key 2 is not loaded yet by ahead, behind, slow, starting");

    for name in ["slow", "starting", "ahead", "behind"] {
        assert_reason(fixture.promote(key).await, Reason::ReplicaNotReady);
        fixture.replica(name, &[1, 2], NEW_YEAR);
    }
    fixture.promote(key).await.unwrap();
}

/// Back: what others reported seems to come from the future, and is waited for. Forwards, and back again: the times of
/// the ring never go back.
#[tokio::test]
async fn a_step_of_the_clock_hinders_no_rotation_and_takes_no_time_back() {
    const DAY: u64 = 86_400;
    let fixture = Fixture::new();
    fixture.replica("two", &[1], NEW_YEAR);
    fixture.folder.clock.set(NEW_YEAR - DAY);
    let key = fixture.stage().await;
    assert_reason(fixture.promote(key).await, Reason::ReplicaNotReady);
    fixture.replica("two", &[1, 2], NEW_YEAR - DAY);
    let ring = fixture.promote(key).await.unwrap();
    assert_eq!(state_times(&ring), [NEW_YEAR, NEW_YEAR]);
    assert!(ring.replicas.iter().all(|replica| replica.live), "{ring:?}");

    fixture.folder.clock.set(NEW_YEAR + DAY);
    fixture.replica_at(ring.revision.unsigned_abs(), "two", &[1, 2], NEW_YEAR - DAY);
    fixture.disable(1).await.unwrap();
    fixture.folder.clock.set(NEW_YEAR);
    let ring = fixture.enable(1).await.unwrap();
    assert_eq!(state_times(&ring), [NEW_YEAR + DAY, NEW_YEAR]);
    let own = ring.replicas.iter().find(|replica| replica.name == "one").unwrap();
    assert!(own.live, "it reports by the clock of now");
}

fn state_times(ring: &crypto::Keyring) -> Vec<u64> {
    ring.keys.iter().map(|key| key.state_time.unwrap().seconds.unsigned_abs()).collect()
}

#[tokio::test]
async fn a_replica_whose_report_cannot_be_read_holds_up_a_promotion() {
    let fixture = Fixture::new();
    fixture.replica("two", &[1, 2], NEW_YEAR);
    let key = fixture.stage().await;
    let report = fs::read(fixture.folder.report_of("two")).unwrap();
    fs::write(fixture.folder.report_of("two"), &report[1..]).unwrap();
    let status = assert_reason(fixture.promote(key).await, Reason::ReplicaNotReady);
    assert_eq!(status.message(), "key 2 is not loaded yet by two");
    let ring = fixture.get().await;
    assert_eq!((ring.replicas[1].name.as_str(), ring.replicas[1].live), ("two", true));
    fs::write(fixture.folder.report_of("two"), report).unwrap();
    fixture.promote(key).await.unwrap();
}

/// The readiness check is for the key that is promoted, even if this replica has not loaded it.
#[tokio::test]
async fn a_key_that_another_replica_staged_is_promoted_with_the_same_care() {
    let fixture = Fixture::new();
    fixture.replica("two", &[1], NEW_YEAR);
    let key = stage(&fixture.folder.holder()).unwrap().get();
    assert_reason(fixture.promote(key).await, Reason::ReplicaNotReady);
    assert_eq!(fixture.get().await.revision, 2);
    fixture.replica("two", &[1, 2], NEW_YEAR);
    fixture.promote(key).await.unwrap();
}

#[tokio::test]
async fn a_ring_that_cannot_be_read_again_is_not_changed_whatever_is_known_of_it() {
    let fixture = Fixture::new();
    let key = fixture.stage().await;
    let ring = fs::read(fixture.folder.ring()).unwrap();
    fs::write(fixture.folder.ring(), &ring[1..]).unwrap();
    assert_reason(fixture.promote(key).await, Reason::KeyringBroken);
    fs::write(fixture.folder.ring(), ring).unwrap();
    fixture.promote(key).await.unwrap();
}

#[tokio::test]
async fn without_reports_nothing_is_promoted() {
    let fixture = Fixture::new();
    let key = fixture.stage().await;
    fs::remove_dir_all(fixture.folder.folder.path().join("replicas")).unwrap();
    assert_reason(fixture.promote(key).await, Reason::KeyringInaccessible);
}

#[tokio::test]
async fn seals_that_remain_are_named_before_they_are_lost() {
    let fixture = Fixture::new();
    let key = fixture.stage().await;
    fixture.promote(key).await.unwrap();
    fixture.disable(1).await.unwrap();
    for remaining in [42, -1] {
        let status = assert_reason(fixture.destroy(1, remaining, false).await, Reason::SealsRemain);
        assert!(status.message().contains(&remaining.to_string()), "{status}");
    }
    assert_eq!(fixture.get().await.revision, 4);
    fixture.destroy(1, 42, true).await.unwrap();
}

#[tokio::test]
async fn a_key_whose_seals_were_not_counted_is_not_destroyed() {
    let fixture = Fixture::new();
    let key = fixture.stage().await;
    fixture.promote(key).await.unwrap();
    assert_reason(fixture.destroy(1, None, false).await, Reason::KeyState);
    fixture.disable(1).await.unwrap();
    assert_reason(fixture.destroy(1, None, false).await, Reason::InvalidField);
    assert_eq!(fixture.get().await.revision, 4);
    fixture.destroy(1, None, true).await.unwrap();
}

/// A replica seals under the key until it has loaded the promotion.
#[tokio::test]
async fn a_key_is_disabled_once_no_replica_seals_under_it() {
    let fixture = Fixture::new();
    let key = fixture.stage().await;
    fixture.replica_at(2, "two", &[1, 2], NEW_YEAR);
    fixture.promote(key).await.unwrap();
    let status = assert_reason(fixture.disable(1).await, Reason::ReplicaNotReady);
    assert_eq!(status.message(), "revision 3 of the key ring is not loaded yet by two");
    assert_eq!(fixture.get().await.revision, 3);
    fixture.replica_at(3, "two", &[1, 2], NEW_YEAR);
    fixture.disable(1).await.unwrap();

    // Nothing is sealed under a staged key, and one that no replica loads must not stay.
    let key = fixture.stage().await;
    fixture.disable(key).await.unwrap();
}

#[tokio::test]
async fn a_key_is_destroyed_once_no_replica_uses_it() {
    let fixture = Fixture::new();
    let key = fixture.stage().await;
    fixture.promote(key).await.unwrap();
    fixture.replica_at(3, "two", &[1, 2], NEW_YEAR);
    fixture.disable(1).await.unwrap();
    let status = assert_reason(fixture.destroy(1, 0, false).await, Reason::ReplicaNotReady);
    assert_eq!(status.message(), "key 1 is still in use by two");
    assert_eq!(fixture.get().await.revision, 4);
    fixture.replica_at(4, "two", &[2], NEW_YEAR);
    fixture.destroy(1, 0, false).await.unwrap();
}

#[tokio::test]
async fn uses_of_all_replicas_are_added_up_and_the_own_ones_are_as_of_now() {
    let fixture = Fixture::new();
    let other = fixture.folder.holder();
    let secret = postern_domain::Secret::new(vec![1]);
    let sealed = other.seal(&context(), &secret).unwrap();
    fixture.folder.reports().put(&other.report(&replica("two"))).unwrap();
    fixture.folder.clock.set(NEW_YEAR + 7);
    fixture.own.ring.open(&context(), &sealed).await.unwrap();

    let ring = fixture.get().await;
    let key = &ring.keys[0];
    assert_eq!((key.seal_count, key.open_count), (1, 1));
    assert_eq!(key.last_use_time.unwrap().seconds, i64::try_from(NEW_YEAR + 7).unwrap());
    let replicas: Vec<_> =
        ring.replicas.iter().map(|replica| (replica.name.as_str(), replica.live)).collect();
    assert_eq!(replicas, [("one", true), ("two", true)]);
    assert_eq!(ring.replicas[1].key_ids, [1]);
    fixture.folder.reports().put(&other.report(&replica("two")).stopped()).unwrap();
    assert!(!fixture.get().await.replicas[1].live);
}

#[tokio::test]
async fn each_obstacle_has_its_own_reason() {
    let fixture = Fixture::new();
    let staged =
        async || fixture.own.stage_key(Request::new(StageKeyRequest { expected_revision: None })).await;
    let backup = fs::read(fixture.folder.ring()).unwrap();
    staged().await.unwrap();
    let other = RingFolder::new();
    for _ in 0..3 {
        stage(&other.holder()).unwrap();
    }
    let cases = [
        (b"{".to_vec(), Reason::KeyringBroken),
        (backup, Reason::KeyringForked),
        (fs::read(other.ring()).unwrap(), Reason::RootMismatch),
    ];
    for (bytes, reason) in cases {
        fs::write(fixture.folder.ring(), bytes).unwrap();
        assert_reason(staged().await, reason);
    }
    fs::remove_file(fixture.folder.ring()).unwrap();
    assert_reason(staged().await, Reason::KeyringBroken);
    fs::create_dir(fixture.folder.ring()).unwrap();
    assert_reason(staged().await, Reason::KeyringInaccessible);
}

#[tokio::test]
async fn the_ring_in_use_is_shown_while_the_root_hangs() {
    let folder = RingFolder::new();
    let (root, hold) = HangingRoot::new(folder.root());
    let (ring, reporter) = (folder.holder_with(Box::new(root)), folder.reporter("one"));
    let fixture = Fixture { own: Keyring::new(ring, reporter), folder };
    stage(&fixture.folder.holder()).unwrap();
    let shown = tokio::time::timeout(Duration::from_secs(10), fixture.get()).await;
    assert_eq!(shown.expect("it waits for the root").revision, 1);
    drop(hold);
    assert_eq!(fixture.get().await.revision, 2);
}

#[tokio::test]
async fn an_unusable_ring_is_reported_and_left_alone() {
    let fixture = Fixture::new();
    fs::write(fixture.folder.ring(), "{").unwrap();
    let request = StageKeyRequest { expected_revision: None };
    let refused = fixture.own.stage_key(Request::new(request)).await;
    assert_reason(refused, Reason::KeyringBroken);
    assert_eq!(fs::read(fixture.folder.ring()).unwrap(), b"{");
    assert_eq!(fixture.get().await.revision, 1, "the ring in use is shown");
}

/// The log lines of this thread during `work`.
fn logged(work: impl FnOnce()) -> String {
    let lines = Arc::<std::sync::Mutex<Vec<u8>>>::default();
    let to = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || Writer(to.clone()));
    tracing::subscriber::with_default(subscriber.finish(), work);
    String::from_utf8(lines.lock().unwrap().clone()).unwrap()
}

struct Writer(Arc<std::sync::Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_change_is_logged_with_the_operators_certificate_and_the_keys_states() {
    let fixture = Fixture::new();
    let ca = postern_devkit::ca::DevCa::load_or_create(&fixture.folder.folder.path().join("ca")).unwrap();
    let files = ca.service("operator").unwrap();
    let tls = postern_chassis::config::TlsFiles {
        certificate: files.certificate,
        key: files.key,
        ca: files.ca,
        trust_domain: postern_devkit::ca::TRUST_DOMAIN.to_owned(),
        namespace: None,
    };
    let now = postern_domain::Clock::now(&postern_domain::SystemClock);
    let peer = postern_chassis::mtls::inspect(&tls, now).unwrap().peer;
    let mut request = Request::new(());
    request.extensions_mut().insert(peer.clone());
    let operator = operator(&request);
    assert!(operator.starts_with("serial ") && operator == peer.certificate(), "{operator}");

    let (own, revision) = (&fixture.own, None);
    let stage = || {
        drop(stage_key::stage_key(own, &StageKeyRequest { expected_revision: revision }, &operator).unwrap());
    };
    let promote = || {
        let request = PromoteKeyRequest { key_id: 2, expected_revision: revision };
        drop(promote_key::promote_key(own, &request, &operator).unwrap());
    };
    let disable = || {
        let request = DisableKeyRequest { key_id: 1, expected_revision: revision };
        drop(disable_key::disable_key(own, &request, &operator).unwrap());
    };
    let enable = || {
        let request = EnableKeyRequest { key_id: 1, expected_revision: revision };
        drop(enable_key::enable_key(own, &request, &operator).unwrap());
    };
    let destroy = || {
        let counted =
            DestroyKeyRequest { key_id: 1, remaining_seals: Some(0), ..DestroyKeyRequest::default() };
        drop(destroy_key::destroy_key(own, &counted, &operator).unwrap());
    };
    let steps: [(&dyn Fn(), &str, &str); 6] = [
        (&stage, "none", "staged"),
        (&promote, "staged", "primary"),
        (&disable, "active", "disabled"),
        (&enable, "disabled", "active"),
        (&disable, "active", "disabled"),
        (&destroy, "disabled", "destroyed"),
    ];
    for (step, before, after) in steps {
        let log = logged(step);
        let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let line = lines.into_iter().find(|line| line["operator"].is_string()).unwrap();
        assert_eq!(
            (&line["operator"], &line["before"], &line["after"]),
            (&operator.as_str().into(), &before.into(), &after.into())
        );
    }
}

/// Records the threads that enter a span.
#[derive(Clone, Default)]
struct Entered(Arc<std::sync::Mutex<Vec<std::thread::ThreadId>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Entered {
    fn on_enter(&self, _: &tracing::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.lock().unwrap().push(std::thread::current().id());
    }
}

#[tokio::test]
async fn a_change_is_made_in_the_span_of_its_call() {
    use tracing::Instrument as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    let (fixture, entered) = (Fixture::new(), Entered::default());
    let _recording = tracing::subscriber::set_default(tracing_subscriber::registry().with(entered.clone()));
    let thread =
        fixture.own.blocking(|_| Ok(std::thread::current().id())).instrument(tracing::info_span!("call"));
    let thread = thread.await.unwrap().into_inner();
    assert_ne!(thread, std::thread::current().id());
    assert!(entered.0.lock().unwrap().contains(&thread), "the span was not entered on the blocking thread");
}
