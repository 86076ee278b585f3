//! The configuration of the `postern` command for this Postern: `postern --config .postern/postern.toml …`.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{database::ControlDatabase, internal::CryptoAddress, state::State};

/// Writes `postern.toml`. Called at each start, because crypto-service's port changes.
pub(crate) fn write_config(state: &State, database: &ControlDatabase, crypto: &CryptoAddress) -> Result<()> {
    let operator = crypto.for_caller("operator")?;
    let path = state.file("postern.toml");
    let text = format!(
        "[crypto]\nurl = {:?}\n\n\
         [crypto.tls]\ncertificate = {}\nkey = {}\nca = {}\n\n\
         [database]\nmigrator_url_file = {}\nconnection_url_file = {}\nproxy_url_file = {}\nrewrap_url_file = {}\n\
         operator_url_file = {}\n",
        operator.url,
        quoted(&operator.tls.certificate)?,
        quoted(&operator.tls.key)?,
        quoted(&operator.tls.ca)?,
        quoted(&database.url_file("postern_migrator"))?,
        quoted(&database.url_file("postern_connection"))?,
        quoted(&database.url_file("postern_proxy"))?,
        quoted(&database.url_file("postern_rewrap"))?,
        quoted(&database.url_file("postern_operator"))?,
    );
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A TOML basic string. JSON's escapes are valid in TOML.
fn quoted(path: &Path) -> Result<String> {
    let path = path.to_str().context("the state folder's path is not UTF-8")?;
    Ok(serde_json::to_string(path)?)
}
