use futures_util::future::join_all;
use postern_domain::Secret;
use postern_keyring::LoadedRing;

use super::*;
use crate::live_ring::test_support::{
    CountingRoot, HangingRoot, RingFolder, change, context, eventually, id, rotate, stage,
};

const MADE_UP: &[u8] = b"PSL1\0\0\0\x09";

fn sealed(holder: &RingHolder) -> Vec<u8> {
    holder.seal(&context(), &Secret::new(b"hunter2".to_vec())).unwrap()
}

#[tokio::test]
async fn a_seal_under_a_new_key_can_be_opened_even_right_after_a_check() {
    let folder = RingFolder::new();
    let (one, two) = (folder.holder(), folder.holder());
    for _ in 0..2 {
        assert!(two.open(&context(), MADE_UP).await.is_err());
        rotate(&one);
        let sealed = sealed(&one);
        assert!(two.open(&context(), &sealed).await.is_ok());
        rotate(&one);
    }
    let sealed = sealed(&one);
    assert_eq!(two.rewrap(&context(), sealed.clone()).await, Ok(sealed));
}

#[tokio::test(start_paused = true)]
async fn made_up_keys_share_looks_and_wait_for_one_at_the_longest() {
    let folder = RingFolder::new();
    let holder = folder.holder();
    let start = Instant::now();
    let context = context();
    let opened = join_all((0..50).map(|_| holder.open(&context, MADE_UP))).await;
    assert!(opened.iter().all(Result::is_err));
    assert!(start.elapsed() <= 2 * CATCH_UP, "{:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..10 {
        assert!(holder.open(&context, MADE_UP).await.is_err());
    }
    assert!(start.elapsed() >= 9 * CATCH_UP, "{:?}", start.elapsed());
}

/// As after a move of the ring to another root, which this process does not have.
#[tokio::test(start_paused = true)]
async fn a_root_that_does_not_fit_is_asked_ever_more_seldom_until_the_file_is_another() {
    let folder = RingFolder::new();
    let (root, asked) = CountingRoot::new(folder.root());
    let holder = folder.holder_with(Box::new(root));
    assert_eq!(asked.take(), 1);
    let (other, good) = (RingFolder::new(), fs::read(folder.ring()).unwrap());
    rotate(&other.holder());
    fs::write(folder.ring(), fs::read(other.ring()).unwrap()).unwrap();

    let start = Instant::now();
    while start.elapsed() < Duration::from_mins(2) {
        let foreign = Err(RingFileError::WrongRoot(id(1)));
        assert_eq!(holder.look(Look::IfChanged).await, foreign);
        assert!(holder.open(&context(), MADE_UP).await.is_err());
    }
    let times = asked.take();
    assert!((8..=12).contains(&times), "{times}");
    assert!(holder.look(Look::Anyway).await.is_err());
    assert_eq!(asked.take(), 1, "an operator's request checks the file");

    fs::write(folder.ring(), good).unwrap();
    stage(&folder.holder()).unwrap();
    assert_eq!(holder.look(Look::IfChanged).await, Ok(true));
    assert_eq!(holder.look(Look::IfChanged).await, Ok(false));
}

#[tokio::test]
async fn while_the_root_hangs_what_needs_no_root_goes_on() {
    let folder = RingFolder::new();
    rotate(&folder.holder());
    let before = fs::read(folder.ring()).unwrap();
    let (root, hold) = HangingRoot::after(2, folder.root());
    let holder = folder.holder_with(Box::new(root));
    stage(&folder.holder()).unwrap();
    let looking = tokio::spawn({
        let holder = holder.clone();
        async move { holder.look(Look::Now).await }
    });
    eventually("it asks its root", || hold.is_waited_for()).await;

    // The staging is undone in the meantime. Disabling a key then does not wait for that check.
    fs::write(folder.ring(), before).unwrap();
    let changing = holder.clone();
    let changed = spawn_blocking(move || change(&changing, |change| change.disable(id(1))));
    tokio::time::timeout(Duration::from_secs(10), changed).await.expect("it waits for the look").unwrap();
    assert_eq!(holder.with_ring(LoadedRing::revision), 4);
    drop(hold);
    // What the look found is another ring by now.
    assert!(looking.await.unwrap().is_ok());
    assert_eq!(holder.with_ring(|ring| ring.usable().count()), 1);
}
