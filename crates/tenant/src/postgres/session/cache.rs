//! Statements that the server has already parsed, by their text.

use std::{collections::HashMap, mem, sync::Arc};

use crate::Column;

/// Statements kept for one connection.
const ENTRIES: usize = 64;
/// Most bytes of a statement's text and its columns' names, so that thousands of connections stay small.
const WEIGHT: usize = 8 * 1024;

/// A statement that the server knows by a name.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub name: String,
    pub columns: Arc<[Column]>,
}

/// The statements of one connection; the one unused for longest leaves first.
#[derive(Default)]
pub(crate) struct Cache {
    entries: HashMap<String, (u64, Arc<Prepared>)>,
    /// Names that the server still knows and we do not.
    forgotten: Vec<String>,
    uses: u64,
}

impl Cache {
    pub(crate) fn get(&mut self, sql: &str) -> Option<Arc<Prepared>> {
        self.uses += 1;
        let (used, prepared) = self.entries.get_mut(sql)?;
        *used = self.uses;
        Some(Arc::clone(prepared))
    }

    /// Whether a statement may be kept, as far as its text goes.
    pub(crate) fn would_keep(sql: &str) -> bool {
        sql.len() <= WEIGHT
    }

    /// Keeps a statement under the name it was parsed with.
    pub(crate) fn keep(&mut self, sql: &str, name: String, columns: &Arc<[Column]>) {
        let weight = sql.len() + columns.iter().map(|c| c.name.len() + size_of::<Column>()).sum::<usize>();
        if weight > WEIGHT {
            self.forgotten.push(name);
            return;
        }
        if self.entries.len() >= ENTRIES {
            self.forget_oldest();
        }
        self.entries
            .insert(sql.to_owned(), (self.uses, Arc::new(Prepared { name, columns: Arc::clone(columns) })));
    }

    /// Drops one statement; its name is to be closed.
    pub(crate) fn forget(&mut self, sql: &str) {
        if let Some((_, prepared)) = self.entries.remove(sql) {
            self.forgotten.push(prepared.name.clone());
        }
    }

    /// Drops everything: the server does not know our names any more.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.forgotten.clear();
    }

    /// Names to close on the server, with whatever is sent next.
    pub(crate) fn take_forgotten(&mut self) -> Vec<String> {
        mem::take(&mut self.forgotten)
    }

    /// Takes names back that were not closed after all.
    pub(crate) fn close_later(&mut self, names: Vec<String>) {
        self.forgotten.extend(names);
    }

    fn forget_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(sql, _)| sql.clone());
        if let Some(sql) = oldest {
            self.forget(&sql);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(cache: &mut Cache, sql: &str) {
        cache.keep(sql, format!("name of {sql}"), &Arc::from([]));
    }

    #[test]
    fn the_statement_unused_for_longest_leaves_and_its_name_is_closed() {
        let mut cache = Cache::default();
        for n in 0..ENTRIES {
            cache.get("");
            keep(&mut cache, &format!("SELECT {n}"));
        }
        assert!(cache.get("SELECT 0").is_some());
        keep(&mut cache, "SELECT new");
        assert!(cache.get("SELECT 0").is_some() && cache.get("SELECT 1").is_none());
        assert_eq!(cache.take_forgotten(), ["name of SELECT 1"]);
    }

    #[test]
    fn what_is_too_heavy_is_not_kept() {
        let mut cache = Cache::default();
        assert!(Cache::would_keep(&"x".repeat(WEIGHT)) && !Cache::would_keep(&"x".repeat(WEIGHT + 1)));
        let columns: Arc<[Column]> = vec![Column::new(&"x".repeat(WEIGHT), 25)].into();
        cache.keep("SELECT", "p9".into(), &columns);
        assert!(cache.get("SELECT").is_none());
        assert_eq!(cache.take_forgotten(), ["p9"]);
    }
}
