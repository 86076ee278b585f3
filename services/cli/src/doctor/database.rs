//! The control database: its roles, its schema, and the way to it.

use postern_store::{
    ConnectionStore, PoolOptions, ProxyStore, RewrapStore, SCHEMA_VERSION, SealCount, StoreError, Transport,
    roles::{self, Survey},
    transport,
};

use super::finding::{Finding, Findings};
use crate::config::{Config, Login};

/// Signs in as everyone whose URL is configured; returns what is sealed under each key, if the role for that is.
pub(super) async fn look(config: &Config, findings: &mut Findings) -> Option<Vec<SealCount>> {
    let mut seals = None;
    for login in Login::ROLES {
        let url = match config.url(login) {
            Ok(Some(url)) => url,
            Ok(None) => {
                let message = format!("{}: no URL; it would be in {}", login.role(), login.sources());
                findings.push(Finding::skipped("database", message));
                continue;
            }
            Err(failure) => {
                findings.push(Finding::failed("database", format!("{}: {failure}", login.role())));
                continue;
            }
        };
        let signed_in = match login {
            Login::Migrator => roles::survey(&url).await.map(|survey| judge(&survey, findings)),
            Login::Connection => ConnectionStore::connect(&url, PoolOptions::default()).await.map(drop),
            Login::Proxy => ProxyStore::connect(&url, PoolOptions::default()).await.map(drop),
            Login::Rewrap => counts(&url).await.map(|counts| seals = Some(counts)),
            Login::Admin => continue,
        };
        findings.push(match signed_in {
            Ok(()) => Finding::ok("database", format!("{} signs in, and may do its work", login.role())),
            Err(error) => Finding::failed("database", format!("{}: {error}", login.role())),
        });
        findings.push(protection(login, transport(&url)));
    }
    seals
}

async fn counts(url: &str) -> Result<Vec<SealCount>, StoreError> {
    RewrapStore::connect(url, PoolOptions::default()).await?.counts().await
}

fn judge(survey: &Survey, findings: &mut Findings) {
    const MIGRATE: &str = "postern migrate";
    let Survey { schema_version, missing_roles, unbound_roles, untimed_roles } = survey;
    findings.push(match schema_version {
        Some(version) if *version >= SCHEMA_VERSION => Finding::ok("schema", format!("version {version}")),
        Some(version) => {
            let message = format!("version {version}; this release needs {SCHEMA_VERSION}");
            Finding::failed("schema", message).advice(MIGRATE)
        }
        None => Finding::failed("schema", "there is none yet").advice(MIGRATE),
    });
    findings.push(if missing_roles.is_empty() {
        Finding::ok("roles", "all are there")
    } else {
        Finding::failed("roles", format!("missing: {}", missing_roles.join(", ")))
            .advice("postern migrate --create-roles")
    });
    for role in unbound_roles {
        findings.push(
            Finding::failed("roles", format!("{role} could bypass row level security"))
                .advice(format!("As a superuser: alter role {role} nosuperuser nobypassrls")),
        );
    }
    for role in untimed_roles {
        findings.push(without_timeouts(role));
    }
}

fn without_timeouts(role: &str) -> Finding {
    let message = format!("{role} has no timeouts: what hangs on the server goes on there");
    Finding::warning("roles", message).advice("postern migrate --create-roles, or what --print-roles prints")
}

fn protection(login: Login, transport: Result<Transport, StoreError>) -> Finding {
    const ADVICE: &str = "Add sslmode=verify-full to its URL.";
    let role = login.role();
    match transport {
        Ok(Transport::Safe) => Finding::ok("database TLS", format!("{role}: verified, or on this machine")),
        Ok(Transport::Unverified) => {
            Finding::warning("database TLS", format!("{role}: the server's name is not verified"))
                .advice(ADVICE)
        }
        Ok(Transport::Clear) => {
            Finding::warning("database TLS", format!("{role}: in the clear")).advice(ADVICE)
        }
        Err(error) => Finding::failed("database TLS", format!("{role}: {error}")),
    }
}
