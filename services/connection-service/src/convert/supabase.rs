//! Supabase projects on the wire.

use std::time::Duration;

use postern_domain::{
    AccessMode, CaBundle, Secret, SecretLabel, SecretName,
    supabase::{ProjectUrl, SchemaName, Services, ServingKey, SupabaseEndpoint, SupabaseKey},
};
use postern_rpc::{
    Problem, Reason,
    connection::{self as proto, SupabaseService, connection::Endpoint},
};

use super::{Given, Sent};

/// The keys of an upsert: absent to keep what is stored, empty to remove it.
pub(super) struct Keys {
    pub publishable: Option<String>,
    pub secret: Option<String>,
}

/// An endpoint, and the keys that came with it. `now` is time since 1970.
pub(super) fn read(endpoint: &proto::SupabaseEndpoint, keys: Keys, now: Duration) -> Result<Sent, Problem> {
    let endpoint = parse(endpoint)?;
    let mut sent = Sent { endpoint: endpoint.clone().into(), secrets: Vec::new(), removed: Vec::new() };
    for (field, text) in [(ServingKey::Publishable, keys.publishable), (ServingKey::Secret, keys.secret)] {
        match text {
            None => {}
            Some(text) if text.is_empty() => sent.removed.push(field.secret_name()),
            Some(text) => sent.secrets.push(key(field, text, &endpoint.url, now)?),
        }
    }
    if sent.removed.contains(&endpoint.serving.secret_name()) {
        let message = "the key that serves cannot be removed; let the other one serve first";
        return Err(Problem::field(field_of(endpoint.serving), message));
    }
    Ok(sent)
}

fn key(field: ServingKey, text: String, url: &ProjectUrl, now: Duration) -> Result<Given, Problem> {
    let key = SupabaseKey::parse_for(field, &Secret::from_text(text), url, now)
        .map_err(|error| Problem::new(Reason::InvalidKey, error.to_string()).in_field(field_of(field)))?;
    let label =
        SecretLabel { sort: Some(key.sort()), last_characters: key.last_characters().map(str::to_owned) };
    Ok(Given { name: field.secret_name(), label, secret: key.into_secret() })
}

/// The field of the request that a key comes in.
fn field_of(key: ServingKey) -> &'static str {
    match key {
        ServingKey::Publishable => "publishable_key",
        ServingKey::Secret => "secret_key",
    }
}

fn parse(endpoint: &proto::SupabaseEndpoint) -> Result<SupabaseEndpoint, Problem> {
    let (serving, access_mode) = (endpoint.serving_key(), endpoint.access_mode());
    let services = services(endpoint.services());
    let url = ProjectUrl::parse(&endpoint.url)
        .map_err(|error| Problem::field("supabase.url", error.to_string()))?;
    let schema = match endpoint.schema.as_str() {
        "" => SchemaName::default(),
        schema => {
            SchemaName::parse(schema).map_err(|error| Problem::field("supabase.schema", error.to_string()))?
        }
    };
    Ok(SupabaseEndpoint {
        schema,
        ca: ca(&endpoint.ca_pem)?,
        serving: match serving {
            proto::ServingKey::Unspecified | proto::ServingKey::Publishable => ServingKey::Publishable,
            proto::ServingKey::Secret => ServingKey::Secret,
        },
        access_mode: match access_mode {
            proto::AccessMode::Unspecified | proto::AccessMode::ReadOnly => AccessMode::ReadOnly,
            proto::AccessMode::ReadWrite => AccessMode::ReadWrite,
        },
        services,
        pass_user_token: endpoint.user_tokens,
        ..SupabaseEndpoint::new(url)
    })
}

fn services(named: impl Iterator<Item = SupabaseService>) -> Services {
    let mut services = Services::default();
    for service in named {
        match service {
            SupabaseService::Unspecified | SupabaseService::Rest => {}
            SupabaseService::Storage => services.storage = true,
            SupabaseService::Functions => services.functions = true,
            SupabaseService::Auth => services.auth = true,
        }
    }
    services
}

/// Parses the certificates as they will be when a connection is opened, so that a broken one is found now and not by
/// the first request.
fn ca(pem: &str) -> Result<CaBundle, Problem> {
    let refused = |error: &dyn std::error::Error| Problem::field("supabase.ca_pem", error.to_string());
    let ca = CaBundle::parse(pem).map_err(|error| refused(&error))?;
    postern_egress::tls::client_config(Some(ca.as_pem())).map_err(|error| refused(&error))?;
    Ok(ca)
}

/// The endpoint as its owner may see it.
pub(super) fn to_proto(endpoint: &SupabaseEndpoint) -> Endpoint {
    let Services { storage, functions, auth } = endpoint.services;
    let on = [
        (storage, SupabaseService::Storage),
        (functions, SupabaseService::Functions),
        (auth, SupabaseService::Auth),
    ];
    let serving_key = match endpoint.serving {
        ServingKey::Publishable => proto::ServingKey::Publishable,
        ServingKey::Secret => proto::ServingKey::Secret,
    };
    let access_mode = match endpoint.access_mode {
        AccessMode::ReadOnly => proto::AccessMode::ReadOnly,
        AccessMode::ReadWrite => proto::AccessMode::ReadWrite,
    };
    Endpoint::Supabase(proto::SupabaseEndpoint {
        url: endpoint.url.to_string(),
        serving_key: serving_key.into(),
        access_mode: access_mode.into(),
        services: on.into_iter().filter(|(on, _)| *on).map(|(_, service)| service.into()).collect(),
        schema: endpoint.schema.as_str().to_owned(),
        ca_pem: endpoint.ca.as_pem().to_owned(),
        user_tokens: endpoint.pass_user_token,
    })
}

/// The name of a secret in messages.
pub(super) fn name_to_proto(name: SecretName) -> proto::SecretName {
    match name {
        SecretName::Password => proto::SecretName::Password,
        SecretName::PublishableKey => proto::SecretName::PublishableKey,
        SecretName::SecretKey => proto::SecretName::SecretKey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLISHABLE: &str = "sb_publishable_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV9wX";
    const SECRET: &str = "sb_secret_aB3dE5fG7hJ9kL1mN3pQ5r_sT7uV3f2a";

    fn project() -> proto::SupabaseEndpoint {
        proto::SupabaseEndpoint {
            url: "https://abcdefghijklmnopqrst.supabase.co".into(),
            ..proto::SupabaseEndpoint::default()
        }
    }

    fn read_keys(publishable: Option<&str>, secret: Option<&str>) -> Result<Sent, Problem> {
        let keys = Keys { publishable: publishable.map(Into::into), secret: secret.map(Into::into) };
        read(&project(), keys, Duration::ZERO)
    }

    #[test]
    fn each_key_is_labelled_and_an_empty_one_is_removed() {
        let sent = read_keys(Some(PUBLISHABLE), Some("")).unwrap();
        let [given] = sent.secrets.as_slice() else { panic!("one key") };
        assert_eq!(
            (given.name, given.label.last_characters.as_deref()),
            (SecretName::PublishableKey, Some("V9wX"))
        );
        assert_eq!(sent.removed, [SecretName::SecretKey]);
    }

    #[test]
    fn a_key_in_the_wrong_field_is_refused_and_the_field_named() {
        for (publishable, secret, field) in
            [(Some(SECRET), None, "publishable_key"), (None, Some(PUBLISHABLE), "secret_key")]
        {
            let problem = read_keys(publishable, secret).err().unwrap();
            assert_eq!(problem.reason(), Reason::InvalidKey);
            let status = tonic::Status::from(problem);
            let info = tonic_types::StatusExt::get_details_error_info(&status).unwrap();
            assert_eq!(info.metadata["field"], field);
            assert!(!format!("{status:?}").contains("aB3dE5"), "no part of the key is repeated");
        }
    }

    #[test]
    fn the_key_that_serves_is_not_removed() {
        assert_eq!(read_keys(Some(""), Some(SECRET)).err().unwrap().reason(), Reason::InvalidField);
    }
}
