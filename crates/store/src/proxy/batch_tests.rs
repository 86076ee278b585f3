use futures_util::FutureExt;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;

/// A server whose answers the test sends.
#[derive(Clone)]
struct Server(mpsc::UnboundedSender<Asked>);

/// Questions that were sent, to be answered.
struct Asked {
    questions: Vec<Question>,
    answer: oneshot::Sender<Result<Vec<Answer>, StoreError>>,
}

impl Ask for Server {
    async fn ask(&self, questions: Vec<Question>) -> Result<Vec<Answer>, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Asked { questions, answer }).ok().unwrap();
        answered.await.unwrap()
    }
}

impl Asked {
    fn found(&self) -> Vec<Answer> {
        let answer = |(number, (caller, name)): (usize, &Question)| Answer {
            ordinal: i32::try_from(number).unwrap() + 1,
            owner: caller.owner,
            entry: entry(caller, name),
        };
        self.questions.iter().enumerate().map(answer).collect()
    }

    fn answer(self) {
        let found = self.found();
        self.answer.send(Ok(found)).ok().unwrap();
    }
}

/// Another one for each owner and name.
fn entry(caller: &Caller, name: &ConnectionName) -> Entry {
    let id = ConnectionId(Uuid::new_v5(&caller.owner.0, name.as_str().as_bytes()));
    Entry::Connection(Head { id, version: Version(1) })
}

fn caller(number: u128) -> Caller {
    Caller { owner: OwnerId(Uuid::from_u128(number)), issuer: "iss".into(), token_id: None }
}

fn name(text: &str) -> ConnectionName {
    ConnectionName::parse(text).unwrap()
}

type Lookup = tokio::task::JoinHandle<Found>;

struct Stage {
    batches: Batches<Server>,
    sent: mpsc::UnboundedReceiver<Asked>,
}

impl Stage {
    fn new() -> Self {
        let (server, sent) = mpsc::unbounded_channel();
        Self { batches: Batches::new(Server(server)), sent }
    }

    /// Calls; returns once the call is sent or waits.
    async fn look_up(&self, caller: Caller, text: &str) -> Lookup {
        let (batches, name) = (self.batches.clone(), name(text));
        let call = tokio::spawn(async move { batches.look_up(&caller, &name).await });
        tokio::task::yield_now().await;
        call
    }

    /// Keeps all lanes busy; returns what was sent.
    async fn busy(&mut self) -> Vec<Asked> {
        let mut asked = Vec::new();
        for number in 0..LANES {
            let _busy = self.look_up(caller(1000 + number as u128), "busy").await;
            asked.push(self.next().await);
        }
        asked
    }

    async fn next(&mut self) -> Asked {
        self.sent.recv().await.unwrap()
    }
}

#[tokio::test]
async fn a_lone_call_is_sent_at_once_and_needs_no_task() {
    let mut stage = Stage::new();
    let name = name("shop");
    let first = caller(1);
    let mut call = Box::pin(stage.batches.look_up(&first, &name));
    assert!(call.as_mut().now_or_never().is_none());
    let asked = stage.sent.try_recv().unwrap();
    assert_eq!(asked.questions, [(caller(1), name.clone())]);
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    asked.answer();
    assert_eq!(call.await.unwrap(), Some(entry(&caller(1), &name)));
}

#[tokio::test]
async fn two_owners_with_one_name_share_a_round_trip_and_never_meet() {
    let mut stage = Stage::new();
    let mut busy = stage.busy().await;
    let calls = [stage.look_up(caller(1), "shop").await, stage.look_up(caller(2), "shop").await];
    busy.remove(0).answer();
    let batch = stage.next().await;
    assert_eq!(batch.questions, [(caller(1), name("shop")), (caller(2), name("shop"))]);
    batch.answer();
    for (number, call) in (1..).zip(calls) {
        assert_eq!(call.await.unwrap().unwrap(), Some(entry(&caller(number), &name("shop"))));
    }
}

#[tokio::test]
async fn a_batch_that_was_sent_takes_no_further_caller() {
    let mut stage = Stage::new();
    let mut busy = stage.busy().await;
    let first = stage.look_up(caller(1), "shop").await;
    busy.remove(0).answer();
    let batch = stage.next().await;
    // The very same question: its answer might be older than the call.
    let second = stage.look_up(caller(1), "shop").await;
    assert!(stage.sent.try_recv().is_err(), "it waits");
    batch.answer();
    assert!(first.await.unwrap().unwrap().is_some());
    let batch = stage.next().await;
    assert_eq!(batch.questions, [(caller(1), name("shop"))]);
    batch.answer();
    assert!(second.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn calls_that_wait_with_the_same_question_share_its_answer() {
    let mut stage = Stage::new();
    let mut busy = stage.busy().await;
    let calls = [stage.look_up(caller(1), "shop").await, stage.look_up(caller(1), "shop").await];
    busy.remove(0).answer();
    let batch = stage.next().await;
    assert_eq!(batch.questions, [(caller(1), name("shop"))]);
    batch.answer();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), Some(entry(&caller(1), &name("shop"))));
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_nobody_elses_lookup() {
    let mut stage = Stage::new();
    let mut alone = stage.busy().await;
    let (gone, waits) = (stage.look_up(caller(1), "shop").await, stage.look_up(caller(2), "shop").await);
    let leaves = stage.look_up(caller(3), "shop").await;
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    alone.remove(0).answer();
    let batch = stage.next().await;
    assert_eq!(batch.questions.len(), 2, "who left while waiting is not asked for");
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    batch.answer();
    assert!(waits.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn a_lone_caller_that_goes_away_frees_its_lane_for_those_that_wait() {
    let mut stage = Stage::new();
    let mut calls = Vec::new();
    for number in 0..LANES {
        calls.push(stage.look_up(caller(number as u128), "shop").await);
    }
    let asked = stage.next().await;
    let waits = stage.look_up(caller(100), "shop").await;
    for call in calls {
        call.abort();
    }
    asked.answer();
    let batch = loop {
        let asked = stage.next().await;
        if asked.questions[0].0 == caller(100) {
            break asked;
        }
    };
    batch.answer();
    assert!(waits.await.unwrap().unwrap().is_some());
}

#[tokio::test]
async fn a_batch_is_bounded_and_its_places_go_round_the_owners() {
    let mut stage = Stage::new();
    let mut busy = stage.busy().await;
    let mut calls = Vec::new();
    for number in 0..1000 {
        calls.push(stage.look_up(caller(1), &format!("c-{number}")).await);
    }
    calls.push(stage.look_up(caller(2), "late").await);
    busy.remove(0).answer();
    let batch = stage.next().await;
    assert_eq!(batch.questions.len(), MOST);
    assert_eq!(batch.questions[1], (caller(2), name("late")));
}

#[tokio::test]
async fn a_failure_is_reported_to_everyone_in_the_batch() {
    let mut stage = Stage::new();
    let mut busy = stage.busy().await;
    let calls = [stage.look_up(caller(1), "shop").await, stage.look_up(caller(2), "shop").await];
    busy.remove(0).answer();
    stage.next().await.answer.send(Err(StoreError::Silent)).ok().unwrap();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(StoreError::Silent)));
    }
}

#[test]
fn an_answer_that_fits_no_question_is_refused() {
    let questions = [(caller(1), name("shop")), (caller(2), name("shop"))];
    let answer = |ordinal, number| Answer {
        ordinal,
        owner: caller(number).owner,
        entry: entry(&caller(number), &name("shop")),
    };
    let fits = entries(&questions, &[answer(2, 2), answer(1, 1)]).unwrap();
    assert_eq!(fits, [1, 2].map(|number| Some(entry(&caller(number), &name("shop")))));
    assert_eq!(entries(&questions, &[answer(2, 2)]).unwrap()[0], None);
    for forged in [
        vec![answer(1, 2), answer(2, 1)],
        vec![answer(1, 3)],
        vec![answer(1, 1), answer(1, 1)],
        vec![answer(0, 1)],
        vec![answer(3, 1)],
        vec![answer(-1, 1)],
    ] {
        assert!(matches!(entries(&questions, &forged), Err(StoreError::Malformed)), "{forged:?}");
    }
}
