//! When a service's own certificate expires.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use postern_domain::{Clock, SystemClock};
use tokio::time::sleep;
use x509_parser::parse_x509_certificate;

use super::files::{FromFiles, own};
use crate::{Process, config::TlsFiles};

/// Time between two looks at the clock and the files.
const LOOK: Duration = Duration::from_secs(10);

/// Makes a replica unready while its own certificate is expired: no other service talks to it then.
pub fn watch_certificate(files: &TlsFiles, process: &Process) -> Result<()> {
    let expiry = Arc::new(FromFiles::load(files, expires_at)?);
    let shown = Arc::clone(&expiry);
    process.metrics.gauge(
        "certificate_expires_timestamp_seconds",
        "When this service's own certificate expires, in seconds since 1970",
        move || vec![(Vec::new(), shown.current().as_secs_f64())],
    );
    let expired = process.health.fault("own certificate expired");
    let life = process.life.clone();
    let looking = async move {
        let mut told = false;
        loop {
            // Files that cannot be used leave the old certificate in use, here as in the handshakes.
            let _ = expiry.reread();
            let holds = SystemClock.now() >= *expiry.current();
            expired.set(holds);
            if holds && !std::mem::replace(&mut told, holds) {
                tracing::error!("this service's own certificate has expired; not ready until it is renewed");
            }
            told = holds;
            sleep(LOOK).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! { () = looking => {} () = life.stopping() => {} }
    });
    Ok(())
}

/// When the certificate of these files expires, since 1970-01-01T00:00:00Z.
pub(crate) fn expires_at(files: &TlsFiles) -> Result<Duration> {
    let (chain, _) = own(files)?;
    let leaf = chain.first().context("there is no certificate")?;
    let (_, parsed) = parse_x509_certificate(leaf).context("the certificate cannot be read")?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::{
        Lifecycle,
        mtls::test_support::{Folder, authority, replace},
    };

    /// Replaces certificate and key by ones that expire on the first day of this year.
    fn expire_in(files: &TlsFiles, year: i32) {
        let mut params = CertificateParams::new(vec!["crypto-service".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        replace(&files.key, key.serialize_pem().as_bytes());
        replace(&files.certificate, params.self_signed(&key).unwrap().pem().as_bytes());
    }

    #[tokio::test(start_paused = true)]
    async fn a_replica_with_an_expired_certificate_is_not_ready_until_it_is_renewed() {
        let folder = Folder::of(&authority(), "crypto-service");
        expire_in(&folder.files(), 2020);
        let process = Process::shared("a-service", &Lifecycle::default());
        watch_certificate(&folder.files(), &process).unwrap();
        process.health.serving(([127, 0, 0, 1], 1).into());
        sleep(Duration::from_millis(1)).await;
        assert_eq!(process.health.report().faults, ["own certificate expired"]);

        expire_in(&folder.files(), 2999);
        sleep(LOOK).await;
        sleep(LOOK).await;
        assert!(process.health.report().ready);
    }
}
