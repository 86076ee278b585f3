//! The document of a Postgres endpoint. Migration 0004 wrote the same fields for older rows.

use postern_domain::{AccessMode, CaBundle, Host, PostgresEndpoint, TlsMode};
use serde::{Deserialize, Serialize};

use super::fields;
use crate::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    host: String,
    port: u16,
    database: String,
    user: String,
    tls_mode: String,
    /// Empty: the public roots.
    ca_pem: String,
}

pub(super) fn document(endpoint: &PostgresEndpoint) -> String {
    let fields = Fields {
        host: endpoint.host.to_string(),
        port: endpoint.port,
        database: endpoint.database.clone(),
        user: endpoint.user.clone(),
        tls_mode: endpoint.tls_mode.as_str().to_owned(),
        ca_pem: endpoint.ca.as_pem().to_owned(),
    };
    serde_json::to_string(&fields).expect("text and a number are JSON")
}

pub(super) fn parse(document: &str, access_mode: AccessMode) -> Result<PostgresEndpoint, StoreError> {
    let fields: Fields = fields(document)?;
    if fields.port == 0 {
        return Err(StoreError::Malformed);
    }
    Ok(PostgresEndpoint {
        host: Host::parse(&fields.host).map_err(|_| StoreError::Malformed)?,
        port: fields.port,
        database: fields.database,
        user: fields.user,
        tls_mode: TlsMode::parse(&fields.tls_mode).ok_or(StoreError::Malformed)?,
        ca: CaBundle::parse(&fields.ca_pem).map_err(|_| StoreError::Malformed)?,
        access_mode,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn endpoint() -> PostgresEndpoint {
        PostgresEndpoint {
            host: Host::parse("2001:db8::7").unwrap(),
            port: 6543,
            database: "läden\"\\".into(),
            user: "reader".into(),
            tls_mode: TlsMode::VerifyFull,
            ca: CaBundle::parse("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----").unwrap(),
            access_mode: AccessMode::ReadWrite,
        }
    }

    #[test]
    fn an_endpoint_is_read_back_as_it_was_written() {
        assert_eq!(parse(&document(&endpoint()), AccessMode::ReadWrite).unwrap(), endpoint());
    }

    #[test]
    fn an_unknown_missing_or_malformed_field_is_refused() {
        let whole: Value = serde_json::from_str(&document(&endpoint())).unwrap();
        let mut broken = vec![json!({}), json!([]), json!("canary")];
        for field in whole.as_object().unwrap().keys() {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(field);
            broken.push(without);
        }
        for (field, value) in [
            ("url", json!("canary")),
            ("host", json!("not a host")),
            ("port", json!(0)),
            ("port", json!(70_000)),
            ("port", json!("6543")),
            ("user", json!(null)),
            ("tls_mode", json!("canary")),
            ("ca_pem", json!("canary")),
        ] {
            let mut other = whole.clone();
            other[field] = value;
            broken.push(other);
        }
        for document in broken {
            let error = parse(&document.to_string(), AccessMode::ReadOnly).unwrap_err();
            assert!(matches!(error, StoreError::Malformed), "{document}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}
