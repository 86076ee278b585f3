//! The document of a Supabase project.

use postern_domain::{
    AccessMode, CaBundle,
    supabase::{ProjectUrl, SchemaName, Services, ServingKey, SupabaseEndpoint},
};
use serde::{Deserialize, Serialize};

use super::fields;
use crate::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    url: String,
    schema: String,
    /// Empty: the public roots.
    ca_pem: String,
    /// Which key serves.
    serving: Serving,
    /// The services that are switched on.
    services: Vec<Service>,
    user_tokens: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Service {
    Storage,
    Functions,
    Auth,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Serving {
    PublishableKey,
    SecretKey,
}

pub(super) fn document(endpoint: &SupabaseEndpoint) -> String {
    let Services { storage, functions, auth } = endpoint.services;
    let all = [(storage, Service::Storage), (functions, Service::Functions), (auth, Service::Auth)];
    let fields = Fields {
        url: endpoint.url.to_string(),
        schema: endpoint.schema.as_str().to_owned(),
        ca_pem: endpoint.ca.as_pem().to_owned(),
        serving: match endpoint.serving {
            ServingKey::Publishable => Serving::PublishableKey,
            ServingKey::Secret => Serving::SecretKey,
        },
        services: all.into_iter().filter(|(on, _)| *on).map(|(_, service)| service).collect(),
        user_tokens: endpoint.pass_user_token,
    };
    serde_json::to_string(&fields).expect("text and flags are JSON")
}

pub(super) fn parse(document: &str, access_mode: AccessMode) -> Result<SupabaseEndpoint, StoreError> {
    let fields: Fields = fields(document)?;
    let mut services = Services::default();
    for service in &fields.services {
        match service {
            Service::Storage => services.storage = true,
            Service::Functions => services.functions = true,
            Service::Auth => services.auth = true,
        }
    }
    Ok(SupabaseEndpoint {
        url: ProjectUrl::parse(&fields.url).map_err(|_| StoreError::Malformed)?,
        schema: SchemaName::parse(&fields.schema).map_err(|_| StoreError::Malformed)?,
        ca: CaBundle::parse(&fields.ca_pem).map_err(|_| StoreError::Malformed)?,
        serving: match fields.serving {
            Serving::PublishableKey => ServingKey::Publishable,
            Serving::SecretKey => ServingKey::Secret,
        },
        access_mode,
        services,
        pass_user_token: fields.user_tokens,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn endpoint() -> SupabaseEndpoint {
        SupabaseEndpoint {
            schema: SchemaName::parse("warehouse").unwrap(),
            ca: CaBundle::parse("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----").unwrap(),
            serving: ServingKey::Secret,
            access_mode: AccessMode::ReadWrite,
            services: Services { storage: true, functions: false, auth: true },
            pass_user_token: true,
            ..SupabaseEndpoint::new(ProjectUrl::parse("https://api.example.com:8443").unwrap())
        }
    }

    #[test]
    fn an_endpoint_is_read_back_as_it_was_written() {
        assert_eq!(parse(&document(&endpoint()), AccessMode::ReadWrite).unwrap(), endpoint());
    }

    #[test]
    fn an_unknown_missing_or_malformed_field_is_refused() {
        let whole: Value = serde_json::from_str(&document(&endpoint())).unwrap();
        let mut broken = vec![json!({}), json!([])];
        for field in whole.as_object().unwrap().keys() {
            let mut without = whole.clone();
            without.as_object_mut().unwrap().remove(field);
            broken.push(without);
        }
        for (field, value) in [
            ("host", json!("canary")),
            ("url", json!("http://api.example.com")),
            ("serving", json!("canary")),
            ("schema", json!("")),
            ("services", json!(["realtime"])),
        ] {
            let mut other = whole.clone();
            other[field] = value;
            broken.push(other);
        }
        for document in broken {
            let read = parse(&document.to_string(), AccessMode::ReadOnly);
            assert!(matches!(read, Err(StoreError::Malformed)), "{document}");
        }
    }
}
