//! When a replica is ready.

use std::cell::Cell;

use super::*;
use crate::test_log;

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

fn health() -> (Health, Lifecycle) {
    let life = Lifecycle::default();
    (Health::new("a-service", &life), life)
}

fn ready_lines() -> usize {
    test_log::lines().iter().filter(|line| line["message"] == "a-service is ready").count()
}

#[tokio::test(start_paused = true)]
async fn a_service_is_ready_once_it_serves_and_everything_was_reached_and_the_log_says_so_then() {
    test_log::start();
    let (health, _life) = health();
    let (database, issuers) = (health.dependency("database"), health.dependency("issuers"));
    database.reached();
    health.serving(HERE);
    assert!(!health.report().ready, "the issuers were never reached");
    issuers.failed("refused");
    assert!(!health.report().ready, "an attempt that fails is not a success");
    assert_eq!(ready_lines(), 0);
    issuers.reached();
    assert!(health.report().ready && *health.ready().borrow());
    assert_eq!(ready_lines(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_dependency_is_shown_and_leaves_the_replica_ready() {
    test_log::start();
    let (health, _life) = health();
    let database = health.dependency("database");
    health.serving(HERE);
    database.reached();
    for _ in 0..3 {
        database.failed("it refused the connection");
    }
    let report = health.report();
    assert!(report.ready);
    assert_eq!(report.dependencies, [DependencyReport { name: "database", state: Reach::Failing }]);
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains("refused"), "causes are for the log: {text}");
    let told = test_log::lines().iter().filter(|line| line["level"] == "WARN").count();
    assert_eq!(told, 1, "once per outage");
    database.reached();
    assert_eq!(health.report().dependencies[0].state, Reach::Reached);
}

#[tokio::test(start_paused = true)]
async fn a_fault_or_a_stop_makes_a_replica_unready() {
    let (health, life) = health();
    let ring = health.fault("key ring");
    health.serving(HERE);
    assert!(health.report().ready);
    ring.set(true);
    assert_eq!((health.report().ready, health.report().faults), (false, vec!["key ring"]));
    ring.set(false);
    assert!(health.report().ready);

    let mut ready = health.ready();
    life.stop();
    ready.wait_for(|ready| !ready).await.unwrap();
    assert!(health.report().stopping);
}

#[tokio::test(start_paused = true)]
async fn a_service_waits_for_a_dependency_and_says_why_once_per_cause() {
    test_log::start();
    let (health, life) = health();
    let attempts = Cell::new(0);
    let connect = async || match attempts.replace(attempts.get() + 1) {
        0..4 => Err("refused"),
        4 => Err("starting up"),
        number => Ok(number),
    };
    let reached = health.dependency("database").reach(&life, connect, |_| false).await;
    assert_eq!(reached, Ok(Some(5)));
    let causes = test_log::lines().iter().filter(|line| line["level"] == "WARN").count();
    assert_eq!(causes, 2, "{:?}", test_log::lines());
    assert_eq!(health.report().dependencies[0].state, Reach::Reached);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_a_permanent_failure_or_with_the_stop() {
    let (health, life) = health();
    let database = health.dependency("database");
    let failed = database.reach(&life, async || Err::<(), _>("wrong role"), |_| true).await;
    assert_eq!(failed, Err("wrong role"));

    life.stop();
    let stopped = database.reach(&life, async || Err::<(), _>("refused"), |_| false).await;
    assert_eq!(stopped, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_probe_notices_an_outage_and_its_end() {
    let (health, life) = health();
    let up = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let answers = Arc::clone(&up);
    let probe = move || {
        std::future::ready(answers.load(std::sync::atomic::Ordering::Relaxed).then_some(()).ok_or("refused"))
    };
    tokio::spawn(health.dependency("database").watch(life, probe));
    let state_after = async |seconds| {
        sleep(Duration::from_secs(seconds)).await;
        health.report().dependencies[0].state
    };
    assert_eq!(state_after(1).await, Reach::Reached);
    up.store(false, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(state_after(11).await, Reach::Failing);
    up.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(state_after(11).await, Reach::Reached);
}
