//! What the server knows by name: the statements that ran before, and the two around read-only ones.

use std::{collections::HashMap, mem, sync::Arc};

use super::{backend::Controls, dirt::Leaves, names::Names};
use crate::Column;

/// Statements kept for one connection.
const ENTRIES: usize = 64;
/// Most bytes of a statement's text and its columns' names, so that thousands of connections stay small.
const WEIGHT: usize = 8 * 1024;

/// The named statements of one session. The least recently used one is dropped first.
pub(super) struct Statements {
    names: Names,
    /// Whether the server knows BEGIN READ ONLY and ROLLBACK by their names.
    knows_controls: bool,
    /// By their text, each with the value of `uses` at its last use.
    entries: HashMap<String, (u64, Arc<Prepared>)>,
    /// Names that the server still knows and we do not.
    forgotten: Vec<String>,
    uses: u64,
}

/// A statement that the server has parsed.
#[derive(Debug)]
pub(super) struct Prepared {
    pub name: String,
    pub columns: Arc<[Column]>,
    pub leaves: Leaves,
}

impl Statements {
    pub(super) fn new(names: Names) -> Self {
        let (entries, forgotten) = (HashMap::new(), Vec::new());
        Self { names, knows_controls: false, entries, forgotten, uses: 0 }
    }

    /// How BEGIN READ ONLY and ROLLBACK are sent.
    pub(super) fn controls(&self) -> Controls<'_> {
        if self.knows_controls { Controls::Known(&self.names) } else { Controls::New(&self.names) }
    }

    /// Notes that the server has parsed BEGIN READ ONLY and ROLLBACK.
    pub(super) fn know_controls(&mut self) {
        self.knows_controls = true;
    }

    /// The statement with this text, if the server knows it.
    pub(super) fn find(&mut self, sql: &str) -> Option<Arc<Prepared>> {
        self.uses += 1;
        let (used, prepared) = self.entries.get_mut(sql)?;
        *used = self.uses;
        Some(Arc::clone(prepared))
    }

    /// A new name for a statement; none for one that is too long to be kept.
    pub(super) fn name_for(&mut self, sql: &str) -> Option<String> {
        (sql.len() <= WEIGHT).then(|| self.names.next())
    }

    /// Keeps a statement that the server has parsed.
    pub(super) fn keep(&mut self, sql: &str, prepared: Prepared) {
        let weight = |column: &Column| column.name.len() + size_of::<Column>();
        if sql.len() + prepared.columns.iter().map(weight).sum::<usize>() > WEIGHT {
            self.forgotten.push(prepared.name);
            return;
        }
        if self.entries.len() >= ENTRIES {
            self.forget_oldest();
        }
        self.entries.insert(sql.to_owned(), (self.uses, Arc::new(prepared)));
    }

    /// Drops one statement; its name will be closed. False: there was none with this text.
    pub(super) fn forget(&mut self, sql: &str) -> bool {
        let removed = self.entries.remove(sql);
        self.forgotten.extend(removed.iter().map(|(_, prepared)| prepared.name.clone()));
        removed.is_some()
    }

    /// Drops everything: the server does not know our names any more.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.forgotten.clear();
    }

    /// Names to close on the server, with whatever is sent next.
    pub(super) fn take_forgotten(&mut self) -> Vec<String> {
        mem::take(&mut self.forgotten)
    }

    /// Takes back names that could not be closed.
    pub(super) fn close_later(&mut self, names: Vec<String>) {
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

    fn statements() -> Statements {
        Statements::new(Names::new(1))
    }

    fn keep(statements: &mut Statements, sql: &str, columns: Vec<Column>) {
        let name = format!("name of {sql}");
        statements.keep(sql, Prepared { name, columns: columns.into(), leaves: Leaves::Nothing });
    }

    #[test]
    fn the_least_recently_used_statement_is_dropped_and_its_name_is_closed() {
        let mut statements = statements();
        for n in 0..ENTRIES {
            statements.find("");
            keep(&mut statements, &format!("SELECT {n}"), Vec::new());
        }
        assert!(statements.find("SELECT 0").is_some());
        keep(&mut statements, "SELECT new", Vec::new());
        assert!(statements.find("SELECT 0").is_some() && statements.find("SELECT 1").is_none());
        assert_eq!(statements.take_forgotten(), ["name of SELECT 1"]);
    }

    #[test]
    fn what_is_too_heavy_is_not_kept() {
        let mut statements = statements();
        assert!(statements.name_for(&"x".repeat(WEIGHT)).is_some());
        assert!(statements.name_for(&"x".repeat(WEIGHT + 1)).is_none());
        keep(&mut statements, "SELECT", vec![Column::new(&"x".repeat(WEIGHT), 25)]);
        assert!(statements.find("SELECT").is_none());
        assert_eq!(statements.take_forgotten(), ["name of SELECT"]);
    }
}
