//! `postern migrate`.

use std::io::{self, Write};

use percent_encoding::percent_decode_str;
use postern_domain::Secret;
use postern_store::{
    SCHEMA_VERSION,
    roles::{self, LOGIN_ROLES},
};
use serde::Serialize;
use url::Url;

use crate::{
    arguments::MigrateOptions,
    config::{Config, Login},
    failure::{Exit, Failure},
    output::{self, Output},
};

#[derive(Serialize)]
struct Migrated {
    schema_version: i32,
    /// Empty without `--create-roles`.
    roles: Vec<PreparedRole>,
}

/// A role that exists now.
#[derive(Serialize)]
struct PreparedRole {
    name: &'static str,
    /// Whether it was given the password in its URL. Without a URL, it keeps its password.
    password_set: bool,
}

pub(crate) async fn run(options: &MigrateOptions, config: &Config, output: Output) -> Result<(), Failure> {
    if options.print_roles {
        return output::write(&roles::roles_sql());
    }
    // Checked before any role is created, so that a missing URL changes nothing.
    let url = config.require_url(Login::Migrator)?;
    let roles = if options.create_roles { prepare_roles(config).await? } else { Vec::new() };
    let migrated = postern_store::migrate(&url).await;
    migrated.map_err(|error| after_roles(config.locate(Login::Migrator, error.into()), &roles))?;
    let migrated = Migrated { schema_version: SCHEMA_VERSION, roles };
    output.print(&migrated, || format!("The schema is at version {SCHEMA_VERSION}.\n"))
}

async fn prepare_roles(config: &Config) -> Result<Vec<PreparedRole>, Failure> {
    let admin = config.require_url(Login::Admin)?;
    let mut passwords = Vec::new();
    for login in Login::ROLES {
        passwords.push(config.url(login)?.map(|url| password(&url, login)).transpose()?);
    }
    let password = |role: &str| {
        let at = LOGIN_ROLES.iter().position(|name| *name == role)?;
        passwords[at].as_ref().map(|password| Secret::new(password.expose().to_vec()))
    };
    let created = roles::prepare_roles(&admin, password).await;
    created.map_err(|error| config.locate(Login::Admin, error.into()))?;
    let prepared = LOGIN_ROLES.into_iter().zip(&passwords);
    let prepared = prepared.map(|(name, password)| PreparedRole { name, password_set: password.is_some() });
    let prepared: Vec<_> = prepared.collect();
    report_unset_passwords(&prepared)?;
    Ok(prepared)
}

/// Adds that the roles were created, so that the failure does not read as if nothing was changed.
fn after_roles(failure: Failure, roles: &[PreparedRole]) -> Failure {
    if roles.is_empty() {
        return failure;
    }
    let exit = if failure.exit == Exit::Refused { Exit::Failed } else { failure.exit };
    let (message, hint) = failure.into_parts();
    let after =
        Failure::new(exit, format!("the roles were created, but the schema was not migrated: {message}"));
    after.hint(hint.unwrap_or_else(|| "Run the same command again; existing roles are kept.".to_owned()))
}

/// The password in a role's URL.
fn password(url: &str, login: Login) -> Result<Secret, Failure> {
    let wrong = |what: &str| Failure::new(Exit::Usage, format!("{}: {what}", login.sources()));
    let url = Url::parse(url).map_err(|_| wrong("not a PostgreSQL URL"))?;
    // Poolers expect the project after the role: `postern_proxy.PROJECT`.
    let role = url.username().split('.').next().unwrap_or_default();
    if role != login.role() {
        return Err(wrong(&format!("the user in its URL must be {}", login.role())));
    }
    let password = url.password().filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| wrong("its URL has no password"))?;
    Ok(Secret::new(percent_decode_str(password).collect()))
}

fn report_unset_passwords(roles: &[PreparedRole]) -> io::Result<()> {
    let unset = roles.iter().filter(|role| !role.password_set).map(|role| role.name);
    let unset: Vec<_> = unset.collect();
    if unset.is_empty() {
        return Ok(());
    }
    writeln!(
        io::stderr(),
        "postern: no password was set for {}; configure their URL files, or set one in psql with \\password",
        unset.join(", ")
    )
}
