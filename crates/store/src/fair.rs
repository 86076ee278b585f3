//! A queue that owners take turns in.
//!
//! First come, first served would let an owner with a thousand waiting calls delay everybody else by all of them. Here
//! an owner that waits gets every n-th place, where n is the number of owners that wait.

use std::collections::{HashMap, VecDeque};

use postern_domain::OwnerId;

/// Items of several owners.
pub(crate) struct FairQueue<T> {
    /// Owners with items, in the order of their turns.
    order: VecDeque<OwnerId>,
    /// Their items, first come, first served.
    items: HashMap<OwnerId, VecDeque<T>>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), items: HashMap::new() }
    }
}

impl<T> FairQueue<T> {
    pub(crate) fn push(&mut self, owner: OwnerId, item: T) {
        let items = self.items.entry(owner).or_default();
        if items.is_empty() {
            self.order.push_back(owner);
        }
        items.push_back(item);
    }

    /// The next item, one owner after the other.
    pub(crate) fn pop(&mut self) -> Option<(OwnerId, T)> {
        self.pop_of(|_| true)
    }

    /// [`FairQueue::pop`], passing over owners that may not have a turn now. They keep their places.
    pub(crate) fn pop_of(&mut self, may: impl Fn(OwnerId) -> bool) -> Option<(OwnerId, T)> {
        let place = self.order.iter().position(|owner| may(*owner))?;
        let owner = self.order.remove(place)?;
        let items = self.items.get_mut(&owner)?;
        let item = items.pop_front()?;
        if items.is_empty() {
            self.items.remove(&owner);
        } else {
            self.order.push_back(owner);
        }
        Some((owner, item))
    }

    /// Items that wait.
    pub(crate) fn len(&self) -> usize {
        self.items.values().map(VecDeque::len).sum()
    }

    /// Whether nothing waits.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty() && self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_owner_with_many_items_does_not_delay_the_others() {
        let [one, two] = [1, 2].map(|number| OwnerId(Uuid::from_u128(number)));
        let mut queue = FairQueue::default();
        for item in 0..100 {
            queue.push(one, item);
        }
        queue.push(two, 1000);
        let first: Vec<_> = (0..4).map(|_| queue.pop().unwrap()).collect();
        assert_eq!(first, [(one, 0), (two, 1000), (one, 1), (one, 2)]);
        while queue.pop().is_some() {}
        assert!(queue.is_empty());
    }
}
