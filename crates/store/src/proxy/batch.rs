//! Lookups that share round trips.
//!
//! A few lookups are under way at a time. A call that finds room is sent at once, by itself. Calls that arrive
//! meanwhile wait, and the next round trip takes all of them along, up to a bound.
//!
//! * Whatever was committed before a call is seen by it: a call joins a batch only before it is sent.
//! * Owners take turns for the places in a batch, so that nobody's many calls delay the others.
//! * A round trip belongs to no caller: one that goes away cancels nobody else's lookup.
//! * Each item comes back with its ordinal and its owner, and an answer that fits no question fails the whole batch.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use postern_domain::{Caller, ConnectionId, ConnectionName, OwnerId, Version};
use tokio::sync::oneshot;

use crate::{StoreError, database::finish, fair::FairQueue};

/// Round trips under way at once. More would leave fewer lookups for each to share, and each costs a process of the
/// server its wake-up; with one alone, a lost packet would hold everybody up.
pub(crate) const LANES: usize = 2;

/// Calls that one round trip serves, at most: it takes the server some ten microseconds for each.
const MOST: usize = 64;

/// A name, as a caller uses it.
pub(crate) type Question = (Caller, ConnectionName);

/// Which version of which connection a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub id: ConnectionId,
    pub version: Version,
}

/// What is behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A connection that the caller may use.
    Connection(Head),
    /// Nothing is said of it: the caller's access is withdrawn.
    AccessWithdrawn,
    /// A connection that is withdrawn, or whose host is.
    ConnectionWithdrawn,
}

/// What a lookup found; `None` if the name leads nowhere.
pub(crate) type Found = Result<Option<Entry>, StoreError>;

/// An answer as it came from the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Number of the question, from 1.
    pub ordinal: i32,
    /// The owner of the row that was found, or of the caller whose access is withdrawn.
    pub owner: OwnerId,
    pub entry: Entry,
}

/// Asks the server several questions in one round trip.
pub(crate) trait Ask: Clone + Send + Sync + 'static {
    fn ask(&self, questions: Vec<Question>) -> impl Future<Output = Result<Vec<Answer>, StoreError>> + Send;
}

/// Lookups under way and waiting.
#[derive(Clone)]
pub(crate) struct Batches<A> {
    server: A,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Round trips that may start now. While there are any, nobody waits.
    free: usize,
    waiting: FairQueue<Waiter>,
}

struct Waiter {
    question: Question,
    found: oneshot::Sender<Found>,
}

/// Leave for one round trip at a time. When it is dropped, those that wait get it.
struct Lane<A: Ask>(Batches<A>);

impl<A: Ask> Batches<A> {
    pub(crate) fn new(server: A) -> Self {
        let state = State { free: LANES, waiting: FairQueue::default() };
        Self { server, state: Arc::new(Mutex::new(state)) }
    }

    /// Where the caller's name leads now; `None` if there is no such connection.
    pub(crate) async fn look_up(&self, caller: &Caller, name: &ConnectionName) -> Found {
        match self.enter((caller.clone(), name.clone())) {
            Place::Lane(lane, question) => finish(lane.alone(question)).await,
            Place::Queue(found) => found.await.unwrap_or(Err(StoreError::Silent)),
        }
    }

    /// Lookups that wait to be taken along.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    fn enter(&self, question: Question) -> Place<A> {
        let mut state = self.lock();
        if state.free > 0 {
            state.free -= 1;
            return Place::Lane(Lane(self.clone()), question);
        }
        let (found, receiver) = oneshot::channel();
        state.waiting.push(question.0.owner, Waiter { question, found });
        Place::Queue(receiver)
    }

    /// The questions of the next round trip. `None` if nobody waits; the lane is then free.
    fn next_batch(&self) -> Option<Batch> {
        let mut state = self.lock();
        let mut batch = Batch::default();
        while batch.waiters.len() < MOST
            && let Some((_, waiter)) = state.waiting.pop()
        {
            if !waiter.found.is_closed() {
                batch.add(waiter);
            }
        }
        if batch.waiters.is_empty() {
            state.free += 1;
            return None;
        }
        Some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Place<A: Ask> {
    /// The question is sent at once.
    Lane(Lane<A>, Question),
    /// It waits to be taken along.
    Queue(oneshot::Receiver<Found>),
}

impl<A: Ask> Lane<A> {
    async fn alone(self, question: Question) -> Found {
        let questions = vec![question];
        let answers = self.0.server.ask(questions.clone()).await?;
        Ok(entries(&questions, &answers)?.pop().flatten())
    }
}

impl<A: Ask> Drop for Lane<A> {
    fn drop(&mut self) {
        if let Some(batch) = self.0.next_batch() {
            // Without a runtime, at the end of the program, nobody is left to wait.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(batch.run(Self(self.0.clone())));
            }
        }
    }
}

/// Calls that share a round trip.
#[derive(Default)]
struct Batch {
    /// Each question once, however many ask it.
    questions: Vec<Question>,
    numbers: HashMap<Question, usize>,
    /// The waiting callers, each with the number of its question.
    waiters: Vec<(usize, oneshot::Sender<Found>)>,
}

impl Batch {
    fn add(&mut self, Waiter { question, found }: Waiter) {
        let next = self.questions.len();
        let number = *self.numbers.entry(question).or_insert_with_key(|question| {
            self.questions.push(question.clone());
            next
        });
        self.waiters.push((number, found));
    }

    async fn run<A: Ask>(self, lane: Lane<A>) {
        let answered = match lane.0.server.ask(self.questions.clone()).await {
            Ok(answers) => entries(&self.questions, &answers),
            Err(error) => Err(error),
        };
        // The next batch is sent before this one's callers go on.
        drop(lane);
        for (number, found) in self.waiters {
            // A caller that has gone away does not mind.
            drop(found.send(match &answered {
                Ok(entries) => Ok(entries[number]),
                Err(error) => Err(error.clone()),
            }));
        }
    }
}

/// What was found for each question, in their order. Refuses an answer to no question, a second one to the same, and
/// one with another owner's row.
fn entries(questions: &[Question], answers: &[Answer]) -> Result<Vec<Option<Entry>>, StoreError> {
    let mut entries = vec![None; questions.len()];
    for answer in answers {
        let number = usize::try_from(answer.ordinal).ok().and_then(|ordinal| ordinal.checked_sub(1));
        let number = number.filter(|&number| number < questions.len()).ok_or(StoreError::Malformed)?;
        if questions[number].0.owner != answer.owner || entries[number].is_some() {
            return Err(StoreError::Malformed);
        }
        entries[number] = Some(answer.entry);
    }
    Ok(entries)
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
