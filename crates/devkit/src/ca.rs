//! A certificate authority for the services of one machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::private_file::load_or_create;

/// SPIFFE trust domain of the certificates.
pub const TRUST_DOMAIN: &str = "postern";

/// An authority in a folder: `ca.pem`, `ca.key`, and `NAME.pem`, `NAME.key` for each service.
pub struct DevCa {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// PEM files of one service.
#[derive(Clone, Debug)]
pub struct ServiceFiles {
    /// The service's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority's certificate.
    pub ca: PathBuf,
}

impl DevCa {
    /// Opens the authority in `dir`, or creates one there.
    pub fn load_or_create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let key = key_pair(&dir.join("ca.key"))?;
        let params = authority()?;
        load_or_create(&dir.join("ca.pem"), || Ok(params.self_signed(&key)?.pem()))?;
        Ok(Self { dir: dir.to_owned(), issuer: Issuer::new(params, key) })
    }

    /// The files of `service`, created on first use. The certificate is for clients and servers, with the URI
    /// `spiffe://postern/<service>` and the DNS names `<service>` and `localhost`.
    pub fn service(&self, service: &str) -> Result<ServiceFiles> {
        self.files(service, service)
    }

    /// [`DevCa::service`] with the URI of a Kubernetes account, `spiffe://postern/ns/<namespace>/sa/<service>`.
    pub fn service_in(&self, namespace: &str, service: &str) -> Result<ServiceFiles> {
        self.files(service, &format!("ns/{namespace}/sa/{service}"))
    }

    fn files(&self, service: &str, path: &str) -> Result<ServiceFiles> {
        let files = ServiceFiles {
            certificate: self.dir.join(format!("{service}.pem")),
            key: self.dir.join(format!("{service}.key")),
            ca: self.dir.join("ca.pem"),
        };
        let key = key_pair(&files.key)?;
        load_or_create(&files.certificate, || Ok(leaf(service, path)?.signed_by(&key, &self.issuer)?.pem()))?;
        Ok(files)
    }
}

fn key_pair(path: &Path) -> Result<KeyPair> {
    let pem = load_or_create(path, || Ok(KeyPair::generate()?.serialize_pem()))?;
    KeyPair::from_pem(&pem).with_context(|| format!("{} holds no private key", path.display()))
}

fn authority() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Postern development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(service: &str, path: &str) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(vec![service.to_owned(), "localhost".to_owned()])?;
    params.subject_alt_names.push(SanType::URI(format!("spiffe://{TRUST_DOMAIN}/{path}").try_into()?));
    params.distinguished_name.push(DnType::CommonName, service);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_the_same_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let first = DevCa::load_or_create(dir.path()).unwrap().service("crypto-service").unwrap();
        let before = fs::read(&first.certificate).unwrap();
        let second = DevCa::load_or_create(dir.path()).unwrap().service("crypto-service").unwrap();
        assert_eq!(fs::read(second.certificate).unwrap(), before);
    }
}
