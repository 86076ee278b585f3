//! What a certificate's files are worth, before anybody connects with them.

use std::time::Duration;

use anyhow::{Context, Result};
use rustls::{crypto::aws_lc_rs, pki_types::UnixTime, server::WebPkiClientVerifier, sign::CertifiedKey};
use x509_parser::parse_x509_certificate;

use super::{PeerIdentity, files as pem, identity::Names};
use crate::config::TlsFiles;

/// A certificate that the other side would accept.
#[derive(Debug)]
pub struct Inspected {
    /// Whom it names.
    pub peer: PeerIdentity,
    /// Until when, since 1970-01-01T00:00:00Z.
    pub expires_at: Duration,
}

/// Judges a client's files as a server would at this time: the key, the authority's signature, the dates, the name.
/// `now` is the time since 1970-01-01T00:00:00Z.
pub fn inspect(files: &TlsFiles, now: Duration) -> Result<Inspected> {
    let (chain, key) = pem::own(files)?;
    let provider = aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain.clone(), key, &provider)
        .context("the certificate and the key do not belong together")?;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(pem::authority(files)?.into(), provider.into());
    let verifier = verifier.build().context("the CA cannot verify clients")?;
    let (leaf, others) = chain.split_first().context("there is no certificate")?;
    verifier
        .verify_client_cert(leaf, others, UnixTime::since_unix_epoch(now))
        .context("the CA does not vouch for the certificate")?;
    let names = Names::of(files);
    let peer = PeerIdentity::of(leaf, &names)
        .with_context(|| format!("its name is not of the form {}", names.uri("SERVICE")))?;
    let (_, parsed) = parse_x509_certificate(leaf).context("the certificate cannot be read")?;
    let expires_at = parsed.validity().not_after.timestamp().unsigned_abs();
    Ok(Inspected { peer, expires_at: Duration::from_secs(expires_at) })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd,
    };

    use super::*;

    const DAY: u64 = 86_400;
    /// 2026-01-01T00:00:00Z; the certificates are for that year.
    const NEW_YEAR: u64 = 1_767_225_600;

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn files(folder: &Path, authority: &Authority) -> TlsFiles {
        let mut params = CertificateParams::new(vec!["operator".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI("spiffe://postern/operator".try_into().unwrap()));
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        let [at_certificate, at_key, at_ca] = ["tls.crt", "tls.key", "ca.crt"].map(|name| folder.join(name));
        fs::write(&at_certificate, certificate.pem()).unwrap();
        fs::write(&at_key, key.serialize_pem()).unwrap();
        fs::write(&at_ca, authority.pem()).unwrap();
        TlsFiles {
            certificate: at_certificate,
            key: at_key,
            ca: at_ca,
            trust_domain: "postern".to_owned(),
            namespace: None,
        }
    }

    fn refusal(files: &TlsFiles, now: u64) -> String {
        format!("{:#}", inspect(files, Duration::from_secs(now)).unwrap_err())
    }

    #[test]
    fn a_certificate_is_worth_what_the_other_side_would_make_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), &authority());
        let found = inspect(&files, Duration::from_secs(NEW_YEAR + DAY)).unwrap();
        assert_eq!((found.peer.service(), found.expires_at.as_secs()), ("operator", NEW_YEAR + 365 * DAY));

        for outside in [NEW_YEAR - DAY, NEW_YEAR + 366 * DAY] {
            assert!(refusal(&files, outside).contains("does not vouch"), "{outside}");
        }
        let elsewhere = TlsFiles { trust_domain: "other".to_owned(), ..files.clone() };
        assert!(refusal(&elsewhere, NEW_YEAR + DAY).contains("spiffe://other/SERVICE"));

        fs::write(&files.ca, authority().pem()).unwrap();
        assert!(refusal(&files, NEW_YEAR + DAY).contains("does not vouch"));
        fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(refusal(&files, NEW_YEAR + DAY).contains("do not belong together"));
    }
}
