//! What batches have in common.

use std::collections::HashSet;

use postern_rpc::{Problem, crypto::ItemError};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

/// Items of one batch.
const ITEMS: usize = 100;

/// Items below which it is not worth to wake another worker.
const LANE: usize = 25;

/// Bytes of an item's reference.
const REFERENCE_BYTES: usize = 64;

/// Bytes that are worked on before other calls get their turn: about as many as one call may have.
const TURN_BYTES: usize = 64 * 1024;

/// Checks the batch as a whole: a batch that fails here has not begun.
pub(super) fn check<'r>(references: impl ExactSizeIterator<Item = &'r str>) -> Result<(), Problem> {
    let count = references.len();
    if count == 0 || count > ITEMS {
        return Err(Problem::field("items", format!("a batch has 1 to {ITEMS} items, not {count}")));
    }
    let mut seen = HashSet::with_capacity(count);
    for reference in references {
        if reference.len() > REFERENCE_BYTES {
            return Err(Problem::field(
                "items.reference",
                format!("a reference has at most {REFERENCE_BYTES} bytes"),
            ));
        }
        if !seen.insert(reference) {
            return Err(Problem::field(
                "items.reference",
                "a reference is there twice; each item has its own",
            ));
        }
    }
    Ok(())
}

/// Why one item failed, as the unary RPC would say it.
pub(super) fn item_error(problem: &Problem) -> ItemError {
    ItemError {
        reason: problem.reason().as_str().to_owned(),
        message: problem.message().to_owned(),
        hint: problem.remedy().unwrap_or_default().to_owned(),
    }
}

/// Works on the items, and gives what came of them in their order. A batch is divided between the runtime's workers, so
/// that its caller waits for a part of it only; `weight` is an item's bytes.
pub(super) async fn each<Item, Done, Working>(
    items: Vec<Item>,
    weight: fn(&Item) -> usize,
    work: impl Fn(Item) -> Working + Clone + Send + 'static,
) -> Result<Vec<Done>, Problem>
where
    Item: Send + 'static,
    Done: Send + 'static,
    Working: Future<Output = Done> + Send + 'static,
{
    let lanes = Handle::current().metrics().num_workers().min(items.len().div_ceil(LANE)).max(1);
    let length = items.len().div_ceil(lanes);
    let mut items = items.into_iter();
    let own = items.by_ref().take(length).collect();
    let mut others = Vec::with_capacity(lanes);
    while items.len() > 0 {
        let items = items.by_ref().take(length).collect();
        others.push(AbortOnDropHandle::new(tokio::spawn(lane(items, weight, work.clone()))));
    }
    let mut done = lane(own, weight, work).await;
    for other in others {
        done.extend(other.await.map_err(|_| Problem::internal())?);
    }
    Ok(done)
}

/// One after the other; other calls have their turn in between if the items are heavy.
async fn lane<Item, Done, Working>(
    items: Vec<Item>,
    weight: fn(&Item) -> usize,
    work: impl Fn(Item) -> Working,
) -> Vec<Done>
where
    Working: Future<Output = Done>,
{
    let mut done = Vec::with_capacity(items.len());
    let mut bytes = 0;
    for item in items {
        bytes += weight(&item);
        done.push(work(item).await);
        if bytes >= TURN_BYTES {
            bytes = 0;
            tokio::task::yield_now().await;
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Barrier;

    use super::*;

    fn refused(references: &[String]) -> bool {
        check(references.iter().map(String::as_str)).is_err()
    }

    fn numbered(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn a_batch_has_1_to_100_items() {
        assert!(refused(&[]) && refused(&numbered(101)));
        assert!(!refused(&numbered(1)) && !refused(&numbered(100)));
    }

    #[test]
    fn references_are_short_and_unique() {
        assert!(!refused(&["x".repeat(64)]));
        assert!(refused(&["x".repeat(65)]));
        assert!(refused(&["a".into(), "b".into(), "a".into()]));
        assert!(refused(&[String::new(), String::new()]));
    }
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn what_comes_of_the_items_is_in_their_order_however_they_are_divided() {
        for count in [0, 1, 24, 25, 26, 50, 51, 99, 100] {
            let items: Vec<usize> = (0..count).collect();
            let done = each(items.clone(), |_| TURN_BYTES, async |item| item + 1).await.ok().unwrap();
            assert_eq!(done, items.iter().map(|item| item + 1).collect::<Vec<_>>(), "{count} items");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_long_batch_is_worked_on_side_by_side() {
        // Each half waits for the other one.
        let meet = Arc::new(Barrier::new(2));
        let work = move |item: u32| {
            let meet = Arc::clone(&meet);
            async move {
                if item.is_multiple_of(50) {
                    meet.wait().await;
                }
            }
        };
        assert_eq!(each((0..100).collect(), |_| 1, work).await.ok().unwrap().len(), 100);
    }
}
