//! Certificates in PEM files, read again when they change.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::config::TlsFiles;

/// A TLS configuration, made from files, and made again when they have changed.
pub(super) struct FromFiles<C> {
    files: TlsFiles,
    make: fn(&TlsFiles) -> Result<C>,
    current: ArcSwap<C>,
    seen: Mutex<Seen>,
}

/// The files as they were found.
struct Seen {
    /// When the current configuration was made of them.
    used: Stamps,
    /// When it could last not be made of them: that is said once.
    refused: Option<Stamps>,
}

/// Of certificate, key and authority: which file it is, and when its content was last changed, by the file system's own
/// clock, which a copy cannot set back. `None` for a file that is not there.
type Stamps = [Option<(u64, i64, i64)>; 3];

impl<C> FromFiles<C> {
    /// Reads the files.
    pub(super) fn load(files: &TlsFiles, make: fn(&TlsFiles) -> Result<C>) -> Result<Self> {
        // Before the files are read: a change right after that is a change.
        let seen = Seen { used: stamps(files), refused: None };
        let current = ArcSwap::from_pointee(make(files)?);
        Ok(Self { files: files.clone(), make, current, seen: Mutex::new(seen) })
    }

    /// The configuration for the next handshake.
    pub(super) fn current(&self) -> Arc<C> {
        self.current.load_full()
    }

    /// Reads the files again if they have changed, and logs how that ended. Files that cannot be used, a certificate
    /// without its key for a moment, say, change nothing; they are tried again with the next look, for a write that is
    /// still under way may not show in the stamps.
    pub(super) fn look(&self) {
        match self.reread() {
            Some(Ok(())) => {
                tracing::info!(file = %self.files.certificate.display(), "the certificates were read again");
            }
            Some(Err(error)) => {
                tracing::warn!(
                    file = %self.files.certificate.display(),
                    "the certificates have changed and cannot be used; keeping those in memory: {error:#}"
                );
            }
            None => {}
        }
    }

    /// `None` where there is nothing new to tell.
    pub(super) fn reread(&self) -> Option<Result<()>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = stamps(&self.files);
        if found == seen.used {
            return None;
        }
        match (self.make)(&self.files) {
            Ok(made) => {
                self.current.store(Arc::new(made));
                *seen = Seen { used: found, refused: None };
                Some(Ok(()))
            }
            Err(error) => (seen.refused.replace(found) != Some(found)).then_some(Err(error)),
        }
    }
}

fn stamps(files: &TlsFiles) -> Stamps {
    let stamp =
        |path: &PathBuf| fs::metadata(path).ok().map(|file| (file.ino(), file.ctime(), file.ctime_nsec()));
    [&files.certificate, &files.key, &files.ca].map(stamp)
}

/// The authority's certificates.
pub(super) fn authority(files: &TlsFiles) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).with_context(|| format!("{} holds no usable CA", files.ca.display()))?;
    }
    Ok(roots)
}

/// The own certificate chain, and its key.
pub(super) fn own(files: &TlsFiles) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("{} holds no private key", files.key.display()))?;
    Ok((certificates(&files.certificate)?, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    certificates.with_context(|| format!("{} holds no certificates in PEM", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mtls::test_support::{Folder, authority as new_authority, replace};

    /// The bytes of the key file, if it is there: all that these tests need to tell one configuration from another.
    fn key_file(files: &TlsFiles) -> Result<Vec<u8>> {
        own(files)?;
        Ok(fs::read(&files.key)?)
    }

    #[test]
    fn changed_files_are_taken_up_and_broken_ones_are_told_of_once() {
        let folder = Folder::of(&new_authority(), "crypto-service");
        let made = FromFiles::load(&folder.files(), key_file).unwrap();
        let first = made.current();
        assert!(made.reread().is_none(), "nothing has changed");

        replace(&folder.files().key, b"not a key");
        assert!(made.reread().unwrap().is_err());
        assert!(made.reread().is_none(), "the same is told twice");
        assert!(Arc::ptr_eq(&first, &made.current()), "broken files were taken up");
        replace(&folder.files().key, b"not a key either");
        assert!(made.reread().unwrap().is_err(), "another change is another thing to tell");

        folder.renew(&new_authority());
        made.reread().unwrap().unwrap();
        assert_ne!(first, made.current());
        assert!(made.reread().is_none());
    }

    #[test]
    fn files_that_change_while_they_are_read_are_read_again() {
        let folder = Folder::of(&new_authority(), "crypto-service");
        let made = FromFiles::load(&folder.files(), |files| {
            let key = key_file(files)?;
            replace(&files.key, new_authority().key("crypto-service").as_bytes());
            Ok(key)
        });
        let made = made.unwrap();
        made.reread().expect("the change was missed").unwrap();
    }
}
