//! Code shared by the batch RPCs.

use std::collections::HashSet;

use postern_rpc::{Problem, crypto::ItemError};

/// Maximum number of items in a batch.
const ITEMS: usize = 100;

/// Maximum length of an item's reference in bytes.
const REFERENCE_BYTES: usize = 64;

/// Bytes to process before yielding to other calls: about the size of one unary call.
const TURN_BYTES: usize = 64 * 1024;

/// Checks the batch as a whole, before any item is processed.
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
                "a reference occurs twice; references must be unique",
            ));
        }
    }
    Ok(())
}

/// The error of one item, as the unary RPC would return it.
pub(super) fn item_error(problem: &Problem) -> ItemError {
    ItemError {
        reason: problem.reason().as_str().to_owned(),
        message: problem.message().to_owned(),
        hint: problem.remedy().unwrap_or_default().to_owned(),
    }
}

/// Processes the items in order and returns their results. Yields to other calls in between if the items are large.
/// `weight` returns an item's size in bytes.
pub(super) async fn each<Item, Done, Working>(
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
}
