//! Whether a statement may leave something behind in its session: a setting, a lock, a temporary table.
//!
//! The server knows but does not say, so we judge by the text. A session is reused only after statements that are
//! plainly harmless: a harmless statement that we take for harmful costs a new sign-in, while the opposite mistake
//! would affect the next user of the session. Changes made by triggers and views are not detected.

use std::{collections::HashSet, sync::LazyLock};

use postern_domain::AccessMode;

use super::tokens::{Token, Tokens};

/// Commands that leave no session state behind by themselves.
const COMMANDS: [&str; 10] =
    ["delete", "explain", "insert", "merge", "select", "show", "table", "update", "values", "with"];

/// Parts of the names of functions whose effects outlive even a ROLLBACK.
const LASTING: [&str; 6] = ["advisory", "dblink", "pg_backup", "pg_start_backup", "replication", "setseed"];

/// Stands for a name whose escapes are not decoded.
const ANY_NAME: &str = LASTING[0];

/// Names that may precede a parenthesis: SQL keywords, types, and functions that do not change session state. Any other
/// function might call `set_config`.
static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "all analyze and any array as between by case conflict cross cube distinct else except exclude exists explain
    filter first from full group grouping having ilike in inner insert intersect into is join key lateral like limit
    materialized not null offset on only or order ordinality over partition recursive returning rollup row select set
    sets similar some then union using values when where window with within

    bit bpchar char character decimal float interval numeric time timestamp timestamptz timetz varbit varchar varying

    abs age array_agg array_append array_length array_position array_remove array_to_json array_to_string avg
    bit_length bool_and bool_or btrim cardinality cast ceil ceiling char_length clock_timestamp coalesce concat
    concat_ws corr count current_setting date date_bin date_part date_trunc decode dense_rank div encode every exp
    extract first_value floor format gen_random_uuid generate_series greatest initcap json_agg json_array_elements
    json_build_array json_build_object json_object_agg json_to_recordset jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
    jsonb_object_agg jsonb_object_keys jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
    justify_interval lag last_value lead least left length ln log lower lpad ltrim make_date make_interval
    make_timestamp max md5 min mod mode nextval now ntile nullif octet_length overlay percent_rank percentile_cont
    percentile_disc pg_backend_pid pg_sleep pg_typeof position power quote_ident quote_literal random rank
    regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table repeat replace reverse
    right round row_number row_to_json rpad rtrim sha256 sign split_part sqrt starts_with statement_timestamp stddev
    string_agg string_to_array string_to_table strpos substr substring sum to_char to_date to_json to_jsonb to_number
    to_timestamp to_tsquery to_tsvector translate trim trunc unnest upper uuid_generate_v4 variance version
    websearch_to_tsquery width_bucket"
        .split_whitespace()
        .collect()
});

/// What a statement may leave behind in its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leaves {
    /// Nothing, however it ends.
    Nothing,
    /// Nothing if its transaction is rolled back.
    NothingIfRolledBack,
    /// Perhaps something, even then.
    Something,
}

impl Leaves {
    /// Judges a statement by its text.
    pub(crate) fn by(sql: &str) -> Self {
        let text = sql.to_ascii_lowercase();
        match names(&text).next() {
            Some(first) if !first.is_command() => Self::Something,
            _ => names(&text).map(|name| name.leaves()).max().unwrap_or(Self::Nothing),
        }
    }

    /// Whether the session can be reused after the statement. A read-only statement is always rolled back.
    pub(crate) fn is_harmless(self, access_mode: AccessMode) -> bool {
        match access_mode {
            AccessMode::ReadOnly => self <= Self::NothingIfRolledBack,
            AccessMode::ReadWrite => self == Self::Nothing,
        }
    }
}

/// Whether a command with this tag leaves no session state behind.
pub(crate) fn is_harmless_tag(command_tag: &str) -> bool {
    let command = command_tag.split(' ').next().unwrap_or_default();
    matches!(command, "" | "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "EXPLAIN" | "SHOW")
}

/// A name or keyword in a statement, and its surroundings.
struct Name<'a> {
    text: &'a str,
    /// Whether it is neither quoted nor qualified with a schema.
    is_bare: bool,
    /// The word right before it.
    before: &'a str,
    /// Whether a parenthesis follows.
    is_called: bool,
}

impl Name<'_> {
    /// Whether it is one of [`COMMANDS`].
    fn is_command(&self) -> bool {
        self.is_bare && COMMANDS.contains(&self.text)
    }

    fn leaves(&self) -> Leaves {
        if LASTING.iter().any(|part| self.text.contains(part)) {
            Leaves::Something
        } else if self.makes_a_table() || self.may_call_anything() {
            Leaves::NothingIfRolledBack
        } else {
            Leaves::Nothing
        }
    }

    /// `EXPLAIN ANALYZE CREATE TABLE ... AS`, and `SELECT ... INTO`, which may be a temporary table.
    fn makes_a_table(&self) -> bool {
        match self.text {
            "create" => self.is_bare,
            "into" => self.is_bare && !matches!(self.before, "insert" | "merge"),
            _ => false,
        }
    }

    fn may_call_anything(&self) -> bool {
        // After these comes the name of a table, which may be followed by a list of columns.
        let names_a_table = matches!(self.before, "into" | "as" | "with" | "recursive");
        self.is_called && !names_a_table && !(self.is_bare && KNOWN.contains(self.text))
    }
}

fn names(text: &str) -> impl Iterator<Item = Name<'_>> {
    let mut tokens = Tokens::new(text).peekable();
    let mut before = "";
    std::iter::from_fn(move || {
        loop {
            let (mut text, mut is_bare) = match tokens.next()? {
                Token::Word(word) => (word, true),
                Token::Quoted(name) => (name, false),
                Token::Escaped => (ANY_NAME, false),
                Token::Value | Token::Symbol(_) => {
                    before = "";
                    continue;
                }
            };
            while tokens.next_if_eq(&Token::Symbol('.')).is_some()
                && let Some(Token::Word(part) | Token::Quoted(part)) = tokens.peek()
            {
                (text, is_bare) = (part, false);
                tokens.next();
            }
            let is_called = tokens.peek() == Some(&Token::Symbol('('));
            let name = Name { text, is_bare, before, is_called };
            before = if is_bare { text } else { "" };
            return Some(name);
        }
    })
}

#[cfg(test)]
#[path = "dirt_tests.rs"]
mod tests;
