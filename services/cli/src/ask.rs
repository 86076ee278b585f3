//! Asking before something cannot be taken back.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::failure::{Exit, Failure};

/// Goes on if told so in advance, or if somebody at the terminal types `yes`.
pub(crate) fn confirm(yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::refused(what).hint("Nobody is here to be asked; to go on, add --yes."));
    }
    write!(io::stderr(), "{what} Type yes to go on: ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err(Failure::new(Exit::Refused, "nothing was changed")) }
}
