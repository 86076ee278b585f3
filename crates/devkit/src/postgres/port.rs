//! The TCP port of an embedded server.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{
    port::{choose, claim, is_claimed_here, is_free},
    private_file::load_or_create,
};

/// The port of the server whose data is in `dir`: chosen and claimed at the first start, and kept in the file `port`,
/// since saved connections contain it.
pub(super) fn of(dir: &Path) -> Result<u16> {
    let file = dir.join("port");
    let kept = load_or_create(&file, || Ok(choose()?.to_string()))?;
    let port = kept.trim().parse().with_context(|| format!("{} holds no port", file.display()))?;
    let claimed = is_claimed_here(port) || claim(port)?;
    ensure!(claimed && is_free(port), "port {port} of the embedded Postgres is in use; stop what uses it");
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::CLAIMS;

    #[test]
    fn a_server_keeps_its_port_and_shares_it_with_no_other_process() {
        let dir = tempfile::tempdir().unwrap();
        let port = of(dir.path()).unwrap();
        assert_eq!(of(dir.path()).unwrap(), port);
        // Another process has the claim now.
        let claim = CLAIMS.lock().unwrap().remove(&port).unwrap();
        let refused = of(dir.path()).unwrap_err();
        assert!(refused.to_string().contains("is in use"), "{refused}");
        drop(claim);
        assert_eq!(of(dir.path()).unwrap(), port);
    }
}
