//! Asks for confirmation before a change that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::{Exit, Failure};

/// Returns if `yes` is set (from `--yes`), or once the operator types yes at the terminal.
pub(crate) fn confirm(yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::refused(what).hint("stdin is not a terminal; pass --yes to confirm."));
    }
    write!(io::stderr(), "{what} Type yes to continue: ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::new(Exit::Refused, "nothing was changed")) }
}
