//! The arguments and the help texts.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use uuid::Uuid;

use crate::deny;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed or partly done: stderr says what is left
  2  wrong usage or configuration
  3  refused, nothing was changed: a precondition is not met, or the certificate or role does not allow it
  4  crypto-service or the database is unavailable; try again

Results are written to stdout, everything else to stderr. Database URLs are read from the files named in the
configuration, or from the environment variables POSTERN_<ROLE>_DATABASE_URL, where <ROLE> is ADMIN, MIGRATOR,
CONNECTION, PROXY, REWRAP or OPERATOR. No secret is ever an argument. NO_COLOR is respected.";

const ROTATION: &str = "To rotate: stage, promote --wait, postern rewrap, disable. If everything still works, destroy \
    the old key; otherwise enable it again.";

const DENY: &str = "\
A denial takes effect for the next call on every replica. Statements and requests that run are cancelled within two
seconds, and pools that nobody may use any more are dropped. Stored connections are kept.";

const DOCTOR: &str = "\
Exit codes:
  0  no check failed; there may be warnings
  1  a check failed

Each line starts with ok, warn, fail or skip. Checks of things that are not configured are skipped.";

const OWNER: &str = "\
OWNER is the UUID under which a user's data is stored. An operator who knows the user by the token's issuer and subject
passes --issuer and --subject instead. If the services' configuration has subject = \"uuid\" for the issuer, OWNER is the
subject itself.

Signs in to the control database as postern_connection, on behalf of this one owner.";

/// Manages a Postern installation: the database schema, the master keys, the seals under them, withdrawn access, and
/// users' data.
#[derive(Parser)]
#[command(name = "postern", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// The configuration of this command, a TOML file; for `keyring init` and `keyring move-root`, crypto-service's.
    #[arg(long, global = true, env = "POSTERN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show and change the master keys.
    #[command(subcommand, after_help = ROTATION)]
    Keyring(KeyringCommand),
    /// Rewrap all stored seals under the primary key. Can be interrupted and run again at any time.
    Rewrap(RewrapOptions),
    /// Update the control database's schema, and with --create-roles its roles.
    Migrate(MigrateOptions),
    /// Withdraw access at once: from a user, a token, an issuer's users, a host or a connection.
    #[command(subcommand, after_help = DENY)]
    Deny(DenyCommand),
    /// Export or erase everything that is stored about a user.
    #[command(subcommand, after_help = OWNER)]
    User(UserCommand),
    /// Check the configuration, the certificate, crypto-service, its keys and the database, and suggest fixes. Changes
    /// nothing.
    #[command(after_help = DOCTOR)]
    Doctor,
    /// Print a completion script for a shell.
    Completions { shell: Shell },
}

/// The commands for the key ring.
#[derive(Subcommand)]
pub(crate) enum KeyringCommand {
    /// Create a key ring with one key, and its root file if the root is a file. Run it on crypto-service's machine.
    Init,
    /// Show the keys, what is sealed under them, and what each replica of crypto-service has loaded.
    Status,
    /// Add a key that can open seals but is not used to seal yet. If a key is staged already, show it.
    Stage,
    /// Make a staged key the primary key, which is used to seal.
    Promote {
        /// The staged key.
        id: u32,
        /// Wait until every live replica has loaded the key, instead of failing if one has not.
        #[arg(long)]
        wait: bool,
        /// How long to wait, in seconds.
        #[arg(long, default_value_t = 120, requires = "wait")]
        timeout: u64,
    },
    /// Disable an active or staged key. Seals under it cannot be opened until it is enabled again.
    Disable {
        /// The key to disable.
        id: u32,
        /// Do not ask for confirmation if seals remain under the key or cannot be counted.
        #[arg(long)]
        yes: bool,
    },
    /// Enable a disabled key. Seals under it can be opened again.
    Enable {
        /// The disabled key.
        id: u32,
    },
    /// Permanently delete a disabled key.
    Destroy {
        /// The disabled key.
        id: u32,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        /// Destroy the key even if seals remain under it; their secrets are lost.
        #[arg(long)]
        allow_loss: bool,
    },
    /// Wrap the keys with another root. Run it on crypto-service's machine, then restart crypto-service with the new
    /// configuration.
    MoveRoot {
        /// crypto-service's new configuration: the same ring file, another root. A missing root file is created.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

/// The commands for denials.
#[derive(Subcommand)]
pub(crate) enum DenyCommand {
    /// Deny something, or change the note and the expiry of a denial.
    Add {
        #[command(flatten)]
        what: DeniedArguments,
        /// Why, for other operators. Users don't see it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// How long, such as 90s, 30m, 12h or 7d. Without it, until the denial is removed.
        #[arg(long = "for", value_name = "TIME", value_parser = deny::lifetime)]
        lifetime: Option<Duration>,
    },
    /// List the denials in force, the oldest first.
    List,
    /// Remove a denial.
    Remove {
        #[command(flatten)]
        what: DeniedArguments,
    },
}

/// What is denied.
#[derive(Args)]
pub(crate) struct DeniedArguments {
    pub kind: DenialKind,
    /// Of the kind `owner`: the owner's id, or with --issuer the `sub` of the user's tokens. `jti`: a token's `jti`.
    /// `issuer`: the `iss` of tokens. `host`: a DNS name or an address, as in connections. `connection`: its id.
    pub value: String,
    /// The `iss` of the tokens; required for `jti`.
    #[arg(long)]
    pub issuer: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DenialKind {
    /// A user.
    Owner,
    /// One token.
    Jti,
    /// All users of an issuer.
    Issuer,
    /// All connections to a host.
    Host,
    /// One connection, whose id the services log.
    Connection,
}

#[derive(Args)]
pub(crate) struct RewrapOptions {
    /// Maximum number of seals per second.
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Count the seals that would be rewrapped, without changing anything.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub(crate) struct MigrateOptions {
    /// First create any missing roles, signed in with `database.admin_url_file` as a superuser or as the database's
    /// owner with CREATEROLE. Each role gets the password in its own URL file, if one is configured.
    #[arg(long)]
    pub create_roles: bool,
    /// Only print the SQL that creates the roles, for an administrator to run.
    #[arg(long, conflicts_with = "create_roles")]
    pub print_roles: bool,
}

/// The commands for the data of one user.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Print everything that is stored about a user as a JSON document, without secrets.
    Export {
        #[command(flatten)]
        owner: OwnerArguments,
    },
    /// Delete everything that is stored about a user, and verify that nothing is left in the database.
    Erase {
        #[command(flatten)]
        owner: OwnerArguments,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}

/// Whose data: an owner, or the user whom an issuer knows as a subject.
#[derive(Args)]
pub(crate) struct OwnerArguments {
    /// The owner, a UUID.
    #[arg(required_unless_present = "subject", conflicts_with_all = ["issuer", "subject"])]
    pub owner: Option<Uuid>,
    /// The issuer of the user's tokens, exactly as in the claim `iss`.
    #[arg(long, requires = "subject")]
    pub issuer: Option<String>,
    /// The user's subject at the issuer, exactly as in the claim `sub`.
    #[arg(long, requires = "issuer")]
    pub subject: Option<String>,
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
