//! Peers that did not get past the handshake, in words for the log.

use std::{io, net::SocketAddr};

use rustls::{CertificateError, Error};

use crate::bounded_log::BoundedLog;

/// Why a connection did not become one of a peer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It sent nothing at all, like the probe of a kubelet or a load balancer.
    Silent,
    /// The handshake began, and failed.
    Handshake(io::Error),
    /// The certificate is of our authority, and names no service.
    NoService,
    /// The handshake took too long.
    Timeout,
}

/// Writes a line, as often as `lines` admits. `certificate` is the one that the peer has shown, if it got that far.
pub(super) fn log(lines: &BoundedLog, refusal: &Refusal, from: SocketAddr, certificate: Option<&str>) {
    if matches!(refusal, Refusal::Silent) {
        tracing::debug!(%from, "a connection was closed, or left open, without a single byte");
    } else if let Some(suppressed) = lines.admit() {
        let cause = cause(refusal);
        tracing::info!(%from, cause, certificate, suppressed, "a peer was refused");
    }
}

/// Why, as an operator would say it.
fn cause(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Silent => "it sent nothing".to_owned(),
        Refusal::Timeout => "it did not finish its handshake in time".to_owned(),
        Refusal::NoService => "its certificate names no service of the trust domain and namespace".to_owned(),
        Refusal::Handshake(error) => {
            let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
            tls.map_or_else(|| format!("it hung up during the handshake: {error}"), of_tls)
        }
    }
}

fn of_tls(error: &Error) -> String {
    let certificate = |error: &CertificateError| match error {
        // A bad signature: another authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate was not issued by our authority".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet; compare the clocks".to_owned()
        }
        other => format!("its certificate is not accepted: {other}"),
    };
    match error {
        Error::NoCertificatesPresented => "it showed no certificate".to_owned(),
        Error::InvalidCertificate(error) => certificate(error),
        Error::InvalidMessage(_) => "it does not speak TLS".to_owned(),
        Error::AlertReceived(alert) => format!("it refused this service's certificate or TLS: {alert:?}"),
        Error::PeerIncompatible(_) => "it does not offer TLS 1.3 as this service needs it".to_owned(),
        other => format!("TLS failed: {other}"),
    }
}
