//! Users at work, at a steady rate: point queries, saves, and results that take seconds. Failures are counted, time is
//! not.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use postern_rpc::proxy::QueryRequest;
use postern_testkit::User;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// One in this many requests is a save, which is followed by a query on what was saved: it opens the new seal. Not a
/// multiple of the number of users, so that each of them saves.
const SAVES: u64 = 25;

/// Requests in progress at a time. On a machine that is too slow for the rate, requests wait for each other.
const AT_ONCE: usize = 8;

/// Lengths of the streams that run all the time, each of which is started again when it has ended.
const STREAM_SECONDS: [u32; 2] = [1, 2];

/// Length of the stream that is started in each phase. It outlasts the drain.
const LONG_SECONDS: u32 = 240;

/// A running load.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    started: Instant,
    users: Vec<User>,
    work: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    /// Streams that ended with the last row, and those that ended with a status that says to try again.
    finished: AtomicU64,
    cut: AtomicU64,
    failures: Mutex<BTreeMap<String, u64>>,
    /// What is being done to the installation, for failures.
    phase: Mutex<&'static str>,
}

/// What the load did.
pub(crate) struct Done {
    /// Requests that were answered in full.
    pub(crate) requests: u64,
    pub(crate) per_second: u64,
    pub(crate) finished: u64,
    pub(crate) cut: u64,
    /// What failed during which phase, and how often.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, per_second, finished, cut, failures } = self;
        write!(f, "{requests} requests ({per_second}/s), {finished} streams to their end, {cut} cut; ")?;
        write!(f, "{} failures", failures.values().sum::<u64>())?;
        failures.iter().try_for_each(|(failure, count)| write!(f, "\n{count} × {failure}"))
    }
}

impl Load {
    /// Starts `rate` requests a second by these users, each of whom has the connections `main`, which is only queried,
    /// and `saved`, which is saved to `dsn` again and again.
    pub(crate) fn start(users: Vec<User>, dsn: String, rate: u32) -> Self {
        let (stop, counts, mut work) =
            (Arc::<AtomicBool>::default(), Arc::<Counts>::default(), JoinSet::new());
        for (seconds, user) in STREAM_SECONDS.into_iter().zip(users.iter().cycle()) {
            let (user, stop, counts) = (user.clone(), Arc::clone(&stop), Arc::clone(&counts));
            work.spawn(async move {
                while !stop.load(Relaxed) {
                    stream(&user, seconds, &stop, &counts).await;
                }
            });
        }
        work.spawn(request(users.clone(), dsn, rate, Arc::clone(&stop), Arc::clone(&counts)));
        Self { stop, counts, started: Instant::now(), users, work }
    }

    /// Names what is being done from now on, and starts a long stream.
    pub(crate) fn phase(&mut self, name: &'static str) {
        *self.counts.phase.lock().unwrap() = name;
        let (user, stop, counts) = (self.users[0].clone(), Arc::clone(&self.stop), Arc::clone(&self.counts));
        self.work.spawn(async move { stream(&user, LONG_SECONDS, &stop, &counts).await });
    }

    /// Lets requests in progress end.
    pub(crate) async fn finish(mut self) -> Done {
        self.stop.store(true, Relaxed);
        let seconds = self.started.elapsed().as_secs().max(1);
        while let Some(ended) = self.work.join_next().await {
            ended.unwrap();
        }
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let counts = &self.counts;
        Done {
            requests: count(&counts.requests),
            per_second: count(&counts.requests) / seconds,
            finished: count(&counts.finished),
            cut: count(&counts.cut),
            failures: std::mem::take(&mut *counts.failures.lock().unwrap()),
        }
    }
}

impl Counts {
    fn note(&self, what: &str, outcome: Result<(), Status>) {
        match outcome {
            Ok(()) => drop(self.requests.fetch_add(1, Relaxed)),
            Err(status) => self.failed(what, &status),
        }
    }

    fn failed(&self, what: &str, status: &Status) {
        let reason = postern_testkit::reason(status);
        let (phase, code, message) = (*self.phase.lock().unwrap(), status.code(), status.message());
        let failure = format!("{phase}: {what}: {code:?} {reason} {message}");
        *self.failures.lock().unwrap().entry(failure).or_default() += 1;
    }
}

async fn request(users: Vec<User>, dsn: String, rate: u32, stop: Arc<AtomicBool>, counts: Arc<Counts>) {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (at_once, mut requests) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for (number, user) in (0..).zip(users.iter().cycle()) {
        ticks.tick().await;
        if stop.load(Relaxed) {
            break;
        }
        let permit = Arc::clone(&at_once).acquire_owned().await.unwrap();
        let (user, dsn, counts) = (user.clone(), dsn.clone(), Arc::clone(&counts));
        requests.spawn(async move {
            let _permit = permit;
            if number % SAVES == 0 {
                counts.note("save", user.save("saved", dsn).await.map(drop));
                counts.note("query what was saved", point(&user, "saved", number).await);
            } else {
                counts.note("query", point(&user, "main", number).await);
            }
        });
        while let Some(ended) = requests.try_join_next() {
            ended.unwrap();
        }
    }
    while let Some(ended) = requests.join_next().await {
        ended.unwrap();
    }
}

async fn point(user: &User, connection: &str, number: u64) -> Result<(), Status> {
    let rows = user.query(connection, &format!("select {number}::bigint")).await?;
    assert_eq!(rows.ints(0), [i64::try_from(number).unwrap()]);
    Ok(())
}

/// Rows that come for so many seconds.
async fn stream(user: &User, seconds: u32, stop: &AtomicBool, counts: &Counts) {
    let rows = u64::from(seconds) * 10;
    let sql = format!("select n, pg_sleep(0.1), repeat('x', 2000) from generate_series(1, {rows}) n");
    match read(user, &sql, stop).await {
        Ok(read) if read == rows => drop(counts.finished.fetch_add(1, Relaxed)),
        Ok(_) if stop.load(Relaxed) => {}
        Ok(read) => counts.failed("stream", &Status::data_loss(format!("{read} rows of {rows}"))),
        Err(status) if may_be_retried(&status) => drop(counts.cut.fetch_add(1, Relaxed)),
        Err(status) => counts.failed("stream", &status),
    }
}

/// The number of rows that came before the end, or before everything stops.
async fn read(user: &User, sql: &str, stop: &AtomicBool) -> Result<u64, Status> {
    let (connection, sql) = ("main".to_owned(), sql.to_owned());
    let timeout = Some(prost_types::Duration { seconds: 300, nanos: 0 });
    let request = QueryRequest { connection, sql, timeout, ..QueryRequest::default() };
    let mut messages = user.proxy().query(request).await?.into_inner();
    let mut rows = 0;
    while let Some(message) = messages.message().await? {
        rows += message.batch.map_or(0, |batch| u64::from(batch.row_count));
        if stop.load(Relaxed) {
            break;
        }
    }
    Ok(rows)
}

/// Whether the service itself says that the caller may try again.
fn may_be_retried(status: &Status) -> bool {
    status.code() == Code::Unavailable && status.get_details_retry_info().is_some()
}
