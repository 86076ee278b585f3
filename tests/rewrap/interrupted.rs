//! The job is cut off, or meets another of its kind. (`postern rewrap` under kill -9 is tested with the command line.)

use std::{num::NonZeroU32, time::Duration};

use tokio::time::timeout;

use crate::support::{Stage, use_all};

#[tokio::test]
async fn cut_off_anywhere_it_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let user = stage.user_with("ada", 60).await;
    stage.rotate().await;
    let (mut left, mut cut_off) = (60, 0);
    // Each run is dropped a little later than the one before, at whatever it is doing then.
    for millis in (0..).step_by(3) {
        let job = stage.job().under(2).at_most(NonZeroU32::new(10)).run(|_| {});
        assert!(timeout(Duration::from_millis(millis), job).await.is_err());
        cut_off += 1;
        let seals = stage.seals().await;
        assert_eq!(seals.values().sum::<i64>(), 60);
        left = seals[&1];
        if left <= 20 {
            break;
        }
    }
    assert!(left > 0 && cut_off > 3, "{left} left after {cut_off}");

    let report = stage.job().under(2).run(|_| {}).await.unwrap();
    assert!(report.is_complete());
    // A write that had begun at the last cut is finished by its own task, before or after the seals were counted.
    let rewrapped = i64::try_from(report.rewrapped).unwrap();
    assert!((left - 1..=left).contains(&rewrapped), "{rewrapped} of {left}");
    use_all(&user, (0..60).step_by(4)).await.unwrap();
}

#[tokio::test]
async fn two_jobs_at_once_do_no_harm() {
    let stage = Stage::new().await;
    let user = stage.user_with("bob", 150).await;
    stage.rotate().await;
    let (one, two) = tokio::join!(stage.job().under(2).run(|_| {}), stage.job().run(|_| {}));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.is_complete() && two.is_complete());
    assert_eq!(one.rewrapped + two.rewrapped, 150);
    assert_eq!(stage.seals().await.into_iter().collect::<Vec<_>>(), [(2, 150)]);
    use_all(&user, (0..150).step_by(10)).await.unwrap();
}
