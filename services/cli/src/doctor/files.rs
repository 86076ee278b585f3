//! Checks the permissions of the configuration and of the secret files that it names.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use postern_keyring::Reader;

use super::finding::{Finding, Findings};
use crate::config::{Config, Login};

/// Write permission for group and others.
const WRITABLE: u32 = 0o022;

pub(super) fn look(path: Option<&Path>, config: &Config, findings: &mut Findings) {
    let writable = |metadata: &Metadata| Ok(metadata.permissions().mode() & WRITABLE != 0);
    findings.push(match path {
        Some(path) => judged("configuration", path, writable, "chmod go-w"),
        None => Finding::skipped("configuration", "no file is selected; use --config or POSTERN_CONFIG"),
    });
    let key = config.crypto.as_ref().map(|crypto| crypto.tls.key.as_path());
    let urls = [Login::Admin].into_iter().chain(Login::ROLES).filter_map(|login| config.url_file(login));
    findings.extend(key.into_iter().chain(urls).map(secret));
}

/// A file that only those may read who have to: its owner, or a pod through its `fsGroup`.
pub(super) fn secret(path: &Path) -> Finding {
    let exposed = |metadata: &Metadata| Ok(Reader::this_process()?.finds_exposed(metadata));
    judged("secret file", path, exposed, "chmod go=")
}

fn judged(
    check: &'static str,
    path: &Path,
    is_too_open: impl Fn(&Metadata) -> io::Result<bool>,
    remedy: &str,
) -> Finding {
    let shown = path.display();
    match fs::metadata(path).and_then(|metadata| Ok((is_too_open(&metadata)?, metadata))) {
        Err(error) => Finding::failed(check, format!("{shown}: {error}")),
        Ok((false, _)) => Finding::ok(check, shown),
        Ok((true, metadata)) => {
            let mode = metadata.permissions().mode() & 0o777;
            let message = format!("{shown} has mode {mode:03o}: its permissions are too broad");
            Finding::warning(check, message).advice(format!("Run `{remedy} {shown}`."))
        }
    }
}
