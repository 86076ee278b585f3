//! A DSN that is accepted is written and read again without a loss, and holds nothing that the grammar leaves out.

use std::fmt::Write;

use postern_domain::{
    CaBundle, Host, PostgresEndpoint, TlsMode,
    dsn::{self, InvalidDsn, ParsedDsn},
    limits::{NAME_BYTES, PASSWORD_BYTES},
};

use crate::Verdict;

/// Reads, and looks at what came of it.
pub fn check(input: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(input) else { return Verdict::Refused };
    let parsed = dsn::parse(text);
    match &parsed {
        Ok(dsn) => {
            is_sound(&dsn.endpoint);
            only_sets_the_tls_mode(text);
            survives_writing(dsn);
        }
        Err(refusal) => is_known(refusal),
    }
    Verdict::of(&parsed)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "postgresql://postgres.ref:p%40ss%2Fw@db.example.com:6543/my%20db?sslmode=require",
        "postgres://ada@[2001:db8::7]",
        "postgres://ada:a@b@192.0.2.1:/db?sslmode=disable",
        "postgres://u:p@/db?host=/var/run",
        "postgres://u:p@h.io,g.io:1/db?options=-c%20x",
        "postgres://u:p@%2Ftmp/db#f",
        " postgres://:@h.io:/ ",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn is_sound(endpoint: &PostgresEndpoint) {
    for name in [&endpoint.user, &endpoint.database] {
        assert!((1..=NAME_BYTES).contains(&name.len()) && !name.contains('\0'), "{name:?}");
    }
    assert_ne!(endpoint.port, 0);
    let host = endpoint.host.to_string();
    assert!(!host.is_empty() && !host.contains(['/', ',', '@', '%', '[', ' ', '\\']), "{host:?}");
    assert_eq!(Host::parse(&host), Ok(endpoint.host.clone()));
    assert_eq!(endpoint.ca, CaBundle::default(), "a DSN brings no CA");
}

/// Whatever follows the first question mark says `sslmode`, or nothing.
fn only_sets_the_tls_mode(text: &str) {
    let query = text.trim().split_once('?').map_or("", |(_, query)| query);
    assert!(query.split('&').all(|pair| pair.is_empty() || pair.starts_with("sslmode=")), "{query:?}");
}

fn survives_writing(dsn: &ParsedDsn) {
    let again = dsn::parse(&written(dsn)).unwrap_or_else(|refusal| panic!("{refusal}: {}", written(dsn)));
    assert_eq!(again.endpoint, dsn.endpoint);
    assert_eq!(again.endpoint.digest(), dsn.endpoint.digest());
    assert!(again.password == dsn.password, "another password");
    let mut other = dsn.endpoint.clone();
    other.port ^= 1;
    assert_ne!(other.digest(), dsn.endpoint.digest());
}

fn written(dsn: &ParsedDsn) -> String {
    let endpoint = &dsn.endpoint;
    let mut text = format!("postgresql://{}", encoded(endpoint.user.as_bytes()));
    if let Some(password) = &dsn.password {
        assert!((1..=PASSWORD_BYTES).contains(&password.len()));
        text.extend([":", &encoded(password.expose())]);
    }
    let host = match &endpoint.host {
        Host::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
        host => host.to_string(),
    };
    let mode = match endpoint.tls_mode {
        TlsMode::VerifyFull => "verify-full",
        TlsMode::Disable => "disable",
    };
    let _ = write!(text, "@{host}:{}/{}?sslmode={mode}", endpoint.port, encoded(endpoint.database.as_bytes()));
    text
}

fn encoded(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    })
}

/// Every refusal is one of these, whatever the text: none repeats a part of it, which may be one of the password.
fn is_known(refusal: &InvalidDsn) {
    use InvalidDsn::{Host, Parameter, Part, PasswordTooLong, Path, Port, Query, Scheme, SslMode, User};
    let parameters = "application_name channel_binding connect_timeout dbname host hostaddr options passfile password \
                      pgbouncer port schema search_path sslcert sslcrl sslkey sslpassword sslrootcert \
                      target_session_attrs user";
    match refusal {
        Scheme | User | Host | PasswordTooLong | Path | Port | Query | SslMode | Part("user" | "password" | "database") => {}
        Parameter(name) => assert!(parameters.split(' ').any(|known| known == *name), "{name}"),
        Part(part) => panic!("a refusal of '{part}'"),
    }
}
