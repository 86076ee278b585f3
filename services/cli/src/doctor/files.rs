//! Checks the permissions of the configuration and of the secret files that it names.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::finding::{Finding, Findings};
use crate::config::{Config, Login};

/// Write permission for group and others.
const WRITABLE: u32 = 0o022;

/// Any permission for group and others.
const OPEN: u32 = 0o077;

pub(super) fn look(path: Option<&Path>, config: &Config, findings: &mut Findings) {
    findings.push(match path {
        Some(path) => judged("configuration", path, WRITABLE, "chmod go-w"),
        None => Finding::skipped("configuration", "no file is selected; use --config or POSTERN_CONFIG"),
    });
    let key = config.crypto.as_ref().map(|crypto| crypto.tls.key.as_path());
    let urls = [Login::Admin].into_iter().chain(Login::ROLES).filter_map(|login| config.url_file(login));
    for secret in key.into_iter().chain(urls) {
        findings.push(judged("secret file", secret, OPEN, "chmod go="));
    }
}

fn judged(check: &'static str, path: &Path, unwanted: u32, remedy: &str) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) => Finding::failed(check, format!("{shown}: {error}")),
        Ok(metadata) if metadata.permissions().mode() & unwanted == 0 => Finding::ok(check, shown),
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            let message = format!("{shown} has mode {mode:03o}: its permissions are too broad");
            Finding::warning(check, message).advice(format!("Run `{remedy} {shown}`."))
        }
    }
}
