//! What tells one certificate from another in a log line.

use std::fmt::Write;

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate};

/// Bytes of the longest serial number (RFC 5280, section 4.1.2.2).
const SERIAL: usize = 20;

/// Characters of a subject or a name that are shown. The peer may have chosen them.
const SHOWN: usize = 120;

/// Serial number in hex, common name and URI names: `serial 1f02, CN ada, spiffe://postern/operator`. Without the
/// common name or the URIs if there are none.
pub(super) fn describe(certificate: &CertificateDer<'_>) -> String {
    let Ok((_, parsed)) = parse_x509_certificate(certificate) else {
        return "unreadable".to_owned();
    };
    let serial = parsed.raw_serial().iter().take(SERIAL).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes whatever is written to it");
        hex
    });
    let name = parsed.subject().iter_common_name().find_map(|name| name.as_str().ok());
    let mut parts = vec![format!("serial {serial}")];
    parts.extend(name.map(|name| format!("CN {}", shown(name))));
    parts.extend(uris(&parsed).into_iter().take(2).map(shown));
    parts.join(", ")
}

/// The URI names of a certificate.
pub(super) fn uris<'a>(certificate: &'a X509Certificate<'_>) -> Vec<&'a str> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let uri = |name: &GeneralName<'a>| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    };
    names.value.general_names.iter().filter_map(uri).collect()
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, SerialNumber};

    use super::*;

    fn described(common_name: Option<&str>, uris: &[&str]) -> String {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.serial_number = Some(SerialNumber::from_slice(&[0x1f, 2]));
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        describe(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    #[test]
    fn a_certificate_is_told_by_serial_number_common_name_and_uris() {
        let operator = described(Some("ada"), &["spiffe://postern/operator"]);
        assert_eq!(operator, "serial 1f02, CN ada, spiffe://postern/operator");
        assert_eq!(described(None, &[]), "serial 1f02");
        assert_eq!(describe(&CertificateDer::from_slice(b"nonsense")), "unreadable");
    }

    #[test]
    fn what_a_peer_chose_is_bounded_and_escaped() {
        let long = described(Some(&"x".repeat(5000)), &[]);
        assert_eq!(long.len(), "serial 1f02, CN ".len() + SHOWN);
        assert_eq!(described(Some("a\nb"), &[]), "serial 1f02, CN a\\nb");
    }
}
