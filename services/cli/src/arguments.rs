//! What can be asked of the command line.

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, or done in part: stderr says what is left
  2  the command or its configuration is wrong
  3  refused: a precondition is not met, or this caller may not do it; nothing was changed
  4  a service or the database does not answer; try again

Data goes to stdout, everything else to stderr. Secrets are read from files that the configuration names, or from
POSTERN_ROLE_DATABASE_URL, where ROLE is ADMIN, MIGRATOR, CONNECTION, PROXY or REWRAP; none is ever an argument.
NO_COLOR is respected.";

const ROTATION: &str = "To rotate: stage, promote --wait, postern rewrap, disable; then destroy if nothing is missed, \
    or enable if something is.";

const DOCTOR: &str = "\
Exit codes:
  0  no check failed; some may have warned
  1  a check failed

Each line is ok, warn, fail or skip; what is not configured is skipped.";

/// Tends a Postern: its database schema, its master keys, the seals under them.
#[derive(Parser)]
#[command(name = "postern", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The command line's configuration, TOML; for `keyring init` and `keyring move-root`, that of crypto-service.
    #[arg(long, global = true, env = "POSTERN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write data as one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Look at the master keys, and change them.
    #[command(subcommand, after_help = ROTATION)]
    Keyring(KeyringCommand),
    /// Replace the seals that are not under the primary key. May be stopped and started again at any time.
    Rewrap(RewrapOptions),
    /// Bring the control database's schema up to date, and its roles if told so.
    Migrate(MigrateOptions),
    /// Check the configuration, the certificate, crypto-service, its keys and the database, and say what to do. Changes
    /// nothing.
    #[command(after_help = DOCTOR)]
    Doctor,
    /// Print a script that completes commands in a shell.
    Completions { shell: Shell },
}

/// What can be done with the key ring.
#[derive(Subcommand)]
pub(crate) enum KeyringCommand {
    /// Make a key ring with one key, and a root file if that is its root. Runs where crypto-service's files are.
    Init,
    /// Show the keys, what is sealed under them, and what each replica of crypto-service has loaded.
    Status,
    /// Add a key that opens but does not seal yet; if there is one already, show it.
    Stage,
    /// Make a staged key the one that seals.
    Promote {
        /// The staged key.
        id: u32,
        /// Wait until every live replica has loaded the key, instead of refusing.
        #[arg(long)]
        wait: bool,
        /// Give up waiting after so many seconds.
        #[arg(long, default_value_t = 120, requires = "wait")]
        timeout: u64,
    },
    /// Take an active or staged key out of use; seals under it do not open any more.
    Disable {
        /// The key.
        id: u32,
        /// Do not ask, although seals remain under the key, or none were counted.
        #[arg(long)]
        yes: bool,
    },
    /// Take a disabled key back into use; seals under it open again.
    Enable {
        /// The disabled key.
        id: u32,
    },
    /// Delete a disabled key for good.
    Destroy {
        /// The disabled key.
        id: u32,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        /// Go on although seals remain under the key; their secrets are lost.
        #[arg(long)]
        allow_loss: bool,
    },
    /// Wrap the keys with another root. Runs where crypto-service's files are; restart it with the new configuration
    /// after that.
    MoveRoot {
        /// The new configuration of crypto-service: the same ring file, another root. A root file is made if missing.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct RewrapOptions {
    /// Seals a second, at most.
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Count what there is to do, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub(crate) struct MigrateOptions {
    /// First create the roles that are missing, as the administrator of `database.admin_url_file`: a superuser, or the
    /// database's owner with CREATEROLE. Each role gets the password in its own URL file, if that is configured.
    #[arg(long)]
    pub create_roles: bool,
    /// Print the SQL that creates the roles, for an administrator to run, and do nothing.
    #[arg(long, conflicts_with = "create_roles")]
    pub print_roles: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Arguments::command().debug_assert();
    }
}
