//! A strict parser for Postgres DSNs.
//!
//! Grammar: `postgres[ql]://user[:password]@host[:port][/database][?sslmode=MODE]`, with percent-encoding in
//! user, password and database. libpq and the drivers accept far more (`host=/socket`, `sslcert=` paths,
//! `options=`, several hosts, `PG*` variables); each of those reaches into the server's own machine or
//! network, so all of them are refused.

use percent_encoding::percent_decode_str;

use crate::{AccessMode, CaBundle, Host, PostgresEndpoint, Secret, TlsMode, limits};

/// A DSN, split into the endpoint and the password it carried.
pub struct ParsedDsn {
    /// Where the DSN leads.
    pub endpoint: PostgresEndpoint,
    /// The password, if there was one.
    pub password: Option<Secret>,
}

/// Why a DSN was refused. The messages never repeat the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDsn {
    /// The scheme is not `postgres` or `postgresql`.
    #[error("a DSN starts with postgresql://")]
    Scheme,
    /// No `user@`.
    #[error("the DSN names no user; write postgresql://user:password@host/database")]
    User,
    /// Several hosts, a socket, or no host name.
    #[error("the DSN's host must be one IP address or one DNS name such as db.example.com")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the DSN's port must be a number from 1 to 65535")]
    Port,
    /// Percent-encoding that is not UTF-8, holds a NUL, or is too long.
    #[error("the DSN's {0} is empty, too long, or not UTF-8 without NUL; encode special characters as %XX")]
    Part(&'static str),
    /// The password is longer than [`limits::PASSWORD_BYTES`].
    #[error("the DSN's password is longer than {} bytes", limits::PASSWORD_BYTES)]
    PasswordTooLong,
    /// A known parameter other than `sslmode`.
    #[error("DSN parameters other than sslmode are not supported; remove '{0}'")]
    Parameter(&'static str),
    /// Text after `?` that is not a known parameter. It may be part of the password, so it is not repeated.
    #[error(
        "the text after the DSN's first '?' is not a known parameter; only sslmode is supported, and a '?' in the \
         password must be written as %3F"
    )]
    Query,
    /// An unknown or a weak `sslmode`.
    #[error("sslmode must be verify-full, require (taken as verify-full) or disable")]
    SslMode,
}

/// Parses a DSN; see the module for the grammar. Without a database, the user's name is taken, as libpq does.
pub fn parse(text: &str) -> Result<ParsedDsn, InvalidDsn> {
    let rest = ["postgresql://", "postgres://"].iter().find_map(|s| text.trim().strip_prefix(s));
    let rest = rest.ok_or(InvalidDsn::Scheme)?;
    let (rest, query) = split_optional(rest, '?');
    let (authority, path) = split_optional(rest, '/');
    let (credentials, address) = authority.rsplit_once('@').ok_or(InvalidDsn::User)?;
    let (user, password) = split_optional(credentials, ':');
    let (host, port) = parse_address(address)?;

    let user = decode("user", user)?;
    let database = match path {
        None | Some("") => user.clone(),
        Some(path) => decode("database", path)?,
    };
    let password = match password {
        None | Some("") => None,
        Some(encoded) => Some(decode_password(encoded)?),
    };
    let tls_mode = parse_query(query.unwrap_or_default())?;
    let endpoint = PostgresEndpoint {
        host,
        port,
        database,
        user,
        tls_mode,
        ca: CaBundle::default(),
        access_mode: AccessMode::default(),
    };
    Ok(ParsedDsn { endpoint, password })
}

fn split_optional(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn parse_address(text: &str) -> Result<(Host, u16), InvalidDsn> {
    let after_bracket = text.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match text[after_bracket..].find(':') {
        Some(colon) => (&text[..after_bracket + colon], Some(&text[after_bracket + colon + 1..])),
        None => (text, None),
    };
    let port = match port {
        None => PostgresEndpoint::DEFAULT_PORT,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| InvalidDsn::Port)?
        }
        Some(_) => return Err(InvalidDsn::Port),
    };
    if port == 0 {
        return Err(InvalidDsn::Port);
    }
    Ok((Host::parse(host).map_err(|_| InvalidDsn::Host)?, port))
}

fn decode_password(encoded: &str) -> Result<Secret, InvalidDsn> {
    let password = Secret::from_text(decode_text("password", encoded)?);
    if password.len() <= limits::PASSWORD_BYTES { Ok(password) } else { Err(InvalidDsn::PasswordTooLong) }
}

fn decode(part: &'static str, encoded: &str) -> Result<String, InvalidDsn> {
    let text = decode_text(part, encoded)?;
    if text.len() <= limits::NAME_BYTES { Ok(text) } else { Err(InvalidDsn::Part(part)) }
}

/// Percent-decodes text that is neither empty nor contains NUL.
fn decode_text(part: &'static str, encoded: &str) -> Result<String, InvalidDsn> {
    let text = percent_decode_str(encoded).decode_utf8().map_err(|_| InvalidDsn::Part(part))?;
    if text.is_empty() || text.contains('\0') {
        return Err(InvalidDsn::Part(part));
    }
    Ok(text.into_owned())
}

/// Parameters that people paste with a DSN. Only these are named in an error.
const KNOWN_PARAMETERS: [&str; 20] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "passfile",
    "password",
    "pgbouncer",
    "port",
    "schema",
    "search_path",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslpassword",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

fn parse_query(query: &str) -> Result<TlsMode, InvalidDsn> {
    let mut mode = TlsMode::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = split_optional(pair, '=');
        if key != "sslmode" {
            let known = KNOWN_PARAMETERS.into_iter().find(|known| *known == key);
            return Err(known.map_or(InvalidDsn::Query, InvalidDsn::Parameter));
        }
        mode = match value {
            Some("verify-full" | "require") => TlsMode::VerifyFull,
            Some("disable") => TlsMode::Disable,
            _ => return Err(InvalidDsn::SslMode),
        };
    }
    Ok(mode)
}

#[cfg(test)]
#[path = "dsn_tests.rs"]
mod tests;
