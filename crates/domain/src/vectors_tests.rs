//! The cases that Rust and TypeScript must agree on.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    ConnectionName, Secret, dsn,
    supabase::{ProjectUrl, ServingKey, SupabaseKey},
};

/// Compares each case of a file with what `read` makes of it: the fields, or the error's code.
fn check(file: &str, read: impl Fn(&Value, &str) -> Result<Value, String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(file);
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(
        cases.iter().any(|case| case["valid"] == true) && cases.iter().any(|case| case["valid"] == false)
    );
    for case in &cases {
        let found = match read(case, case["input"].as_str().unwrap()) {
            Ok(fields) => json!({ "valid": true, "fields": fields }),
            Err(error) => json!({ "valid": false, "error": error }),
        };
        for member in ["valid", "fields", "error"] {
            assert_eq!(found[member], case[member], "{file}: {member} of {case}");
        }
    }
}

#[test]
fn names_are_those_of_the_vectors() {
    check("names.json", |_, input| match ConnectionName::parse(input) {
        Ok(_) => Ok(Value::Null),
        Err(_) => Err("NAME".into()),
    });
}

#[test]
fn dsns_are_those_of_the_vectors() {
    check("dsn.json", |_, input| {
        let dsn = dsn::parse(input).map_err(|error| error.code().to_owned())?;
        let password = dsn.password.as_ref().map(|password| str::from_utf8(password.expose()).unwrap());
        Ok(json!({
            "host": dsn.endpoint.host.to_string(),
            "port": dsn.endpoint.port,
            "database": dsn.endpoint.database,
            "user": dsn.endpoint.user,
            "password": password,
            "sslmode": dsn.endpoint.tls_mode.as_str(),
        }))
    });
}

#[test]
fn project_urls_are_those_of_the_vectors() {
    check("project-urls.json", |_, input| {
        let url = ProjectUrl::parse(input).map_err(|error| error.code().to_owned())?;
        Ok(json!({ "url": url.to_string(), "ref": url.project_ref() }))
    });
}

#[test]
fn supabase_keys_are_those_of_the_vectors() {
    check("supabase-keys.json", |case, input| {
        let field = ServingKey::parse(case["field"].as_str().unwrap()).unwrap();
        let url = ProjectUrl::parse(case["url"].as_str().unwrap()).unwrap();
        let now = Duration::from_secs(case["now"].as_u64().unwrap());
        let key = SupabaseKey::parse_for(field, &Secret::from_text(input.to_owned()), &url, now);
        let key = key.map_err(|error| error.code().to_owned())?;
        assert_eq!(key.secret().expose(), input.trim().as_bytes());
        Ok(json!({
            "sort": key.sort().as_str(),
            "last": key.last_characters(),
            "ref": key.project_ref(),
        }))
    });
}
