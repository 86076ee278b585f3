//! crypto-service goes away for a moment while the job runs, as in a rolling restart.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use postern_chassis::mtls;
use postern_rewrap::Job;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    road::pass_on,
    support::{Stage, use_all},
};

#[tokio::test]
async fn the_job_waits_for_crypto_service_to_come_back() {
    let stage = Stage::new().await;
    let user = stage.user_with("ada", 30).await;
    stage.rotate().await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = stage.crypto("operator");
    let crypto = config.url.strip_prefix("https://").unwrap().parse().unwrap();
    config.url = format!("https://{}", listener.local_addr().unwrap());
    let (moved, progress) = watch::channel(0);
    let road = tokio::spawn(cut_once(listener, crypto, progress));

    let job =
        Job::new(stage.store.clone(), mtls::crypto_channel(&config).unwrap()).at_most(NonZeroU32::new(10));
    let report = job.under(2).run(|report| moved.send(report.rewrapped).unwrap_or_default()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.rewrapped, 30);
    road.abort();
    use_all(&user, 0..30).await.unwrap();
}

/// Passes everything on; once some rows have moved, cuts all connections and refuses new ones for a second.
async fn cut_once(listener: TcpListener, to: SocketAddr, mut progress: watch::Receiver<u64>) {
    let address = listener.local_addr().unwrap();
    tokio::select! {
        () = pass_on(listener, to, Arc::default()) => {}
        moved = progress.wait_for(|&moved| moved > 0) => drop(moved.unwrap()),
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    pass_on(TcpListener::bind(address).await.unwrap(), to, Arc::default()).await;
}
