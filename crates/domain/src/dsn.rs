//! A strict parser for Postgres DSNs.
//!
//! Grammar: `postgres[ql]://user[:password]@host[:port][/database][?sslmode=MODE]`, with percent-encoding in user,
//! password and database. libpq and the drivers accept far more (`host=/socket`, `sslcert=` paths, `options=`, several
//! hosts, `PG*` variables). Each of those gives access to the server's own machine or network, so all of them are
//! rejected.
//!
//! People paste passwords without encoding them, so an unencoded password is accepted if it is unambiguous: it may
//! contain `@`, `:` and `#`, since no host contains `@`. A `/`, `?` or stray `%` must be encoded.
//! `tests/vectors/dsn.json` has the cases that other parsers read differently.

use percent_encoding::percent_decode_str;

use crate::{AccessMode, CaBundle, Host, PostgresEndpoint, Secret, TlsMode, limits, port};

/// A DSN, split into the endpoint and the password it carried.
pub struct ParsedDsn {
    /// The endpoint.
    pub endpoint: PostgresEndpoint,
    /// The password, if any.
    pub password: Option<Secret>,
}

/// Why a DSN was rejected. The messages never repeat the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDsn {
    /// The scheme is not `postgres` or `postgresql`.
    #[error("a DSN starts with postgresql://")]
    Scheme,
    /// No `user@` before the first `/` or `?`.
    #[error(
        "the DSN names no user; write postgresql://user:password@host/database, with a '/' in the password as %2F \
         and a '?' as %3F"
    )]
    User,
    /// Several hosts, a socket, or no host name.
    #[error("the DSN's host must be one IP address or one DNS name such as db.example.com")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the DSN's port must be a number from 1 to 65535")]
    Port,
    /// A part with a control character or bad percent-encoding, or too long.
    #[error(
        "the DSN's {0} is empty, too long, or not UTF-8 without NUL; encode special characters as %XX, and '%' itself \
         as %25"
    )]
    Part(&'static str),
    /// The password is longer than [`limits::PASSWORD_BYTES`].
    #[error("the DSN's password is longer than {} bytes", limits::PASSWORD_BYTES)]
    PasswordTooLong,
    /// A `/` or `#` in the database's name, which other programs interpret differently.
    #[error(
        "in the name of the DSN's database, write '/' as %2F and '#' as %23; nothing may follow the name"
    )]
    Path,
    /// A known parameter other than `sslmode`.
    #[error("DSN parameters other than sslmode are not supported; remove '{0}'")]
    Parameter(&'static str),
    /// Something after `?` that is not a parameter, or a second `sslmode`. The message does not repeat it, because it
    /// may be part of the password.
    #[error(
        "what follows the DSN's first '?' is not understood; only sslmode may be set there, once, and a '?' in the \
         password is written %3F"
    )]
    Query,
    /// An unknown or a weak `sslmode`.
    #[error("sslmode must be verify-full, require (treated as verify-full) or disable")]
    SslMode,
}

impl InvalidDsn {
    /// A stable identifier for programs and for the test vectors.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Scheme => "SCHEME",
            Self::User => "USER",
            Self::Host => "HOST",
            Self::Port => "PORT",
            Self::Part(_) => "PART",
            Self::PasswordTooLong => "PASSWORD_TOO_LONG",
            Self::Path => "PATH",
            Self::Parameter(_) => "PARAMETER",
            Self::Query => "QUERY",
            Self::SslMode => "SSLMODE",
        }
    }
}

/// Parses a DSN; see the module for the grammar. The default database is the user's name, as in libpq.
pub fn parse(text: &str) -> Result<ParsedDsn, InvalidDsn> {
    let rest = after_scheme(text.trim())?;
    let (rest, query) = split_optional(rest, '?');
    let (authority, path) = split_optional(rest, '/');
    let (credentials, address) = authority.rsplit_once('@').ok_or(InvalidDsn::User)?;
    let (user, password) = split_optional(credentials, ':');
    let (host, port) = parse_address(address)?;
    let user = decode("user", user)?;
    let database = parse_database(path.unwrap_or_default())?.unwrap_or_else(|| user.clone());
    let password = parse_password(password.unwrap_or_default())?;
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

/// Schemes are compared without regard to case (RFC 3986, section 3.1).
fn after_scheme(text: &str) -> Result<&str, InvalidDsn> {
    let (scheme, rest) = text.split_once("://").ok_or(InvalidDsn::Scheme)?;
    let known = ["postgresql", "postgres"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if known { Ok(rest) } else { Err(InvalidDsn::Scheme) }
}

fn split_optional(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn parse_address(text: &str) -> Result<(Host, u16), InvalidDsn> {
    let after_bracket = text.rfind(']').map_or(0, |end| end + 1);
    let (host, digits) = match text[after_bracket..].find(':') {
        Some(colon) => (&text[..after_bracket + colon], &text[after_bracket + colon + 1..]),
        None => (text, ""),
    };
    let host = Host::parse(host).map_err(|_| InvalidDsn::Host)?;
    let port = port::parse(digits, PostgresEndpoint::DEFAULT_PORT).ok_or(InvalidDsn::Port)?;
    Ok((host, port))
}

/// Whether the password is a placeholder. Dashboards show `[YOUR-PASSWORD]` or `****` instead of the password, which
/// must not be saved. A real password of this form can be written with %5B or %2A.
fn parse_password(encoded: &str) -> Result<Option<Secret>, InvalidDsn> {
    let in_brackets = encoded.starts_with('[') && encoded.ends_with(']');
    if in_brackets || encoded.bytes().all(|b| b == b'*') {
        return Ok(None);
    }
    decode_password(encoded).map(Some)
}

/// The database's name, if any.
fn parse_database(encoded: &str) -> Result<Option<String>, InvalidDsn> {
    if encoded.contains(['/', '#']) {
        return Err(InvalidDsn::Path);
    }
    if encoded.is_empty() { Ok(None) } else { decode("database", encoded).map(Some) }
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
    if encoded.contains(char::is_control) || !is_percent_encoded(encoded) {
        return Err(InvalidDsn::Part(part));
    }
    let text = percent_decode_str(encoded).decode_utf8().map_err(|_| InvalidDsn::Part(part))?;
    if text.is_empty() || text.contains('\0') {
        return Err(InvalidDsn::Part(part));
    }
    Ok(text.into_owned())
}

/// Whether two hexadecimal digits follow each `%`. If not, the text was not encoded, and parts that look encoded may
/// not be.
fn is_percent_encoded(text: &str) -> bool {
    let is_escape = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.split('%').skip(1).all(is_escape)
}

/// Known parameters. Only these are repeated in an error.
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
    let mut mode = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = split_optional(pair, '=');
        if key != "sslmode" {
            let known = KNOWN_PARAMETERS.into_iter().find(|known| *known == key);
            return Err(known.map_or(InvalidDsn::Query, InvalidDsn::Parameter));
        }
        let known = match value {
            Some("verify-full" | "require") => TlsMode::VerifyFull,
            Some("disable") => TlsMode::Disable,
            _ => return Err(InvalidDsn::SslMode),
        };
        // Programs differ in whether the first or the last value counts.
        if mode.replace(known).is_some() {
            return Err(InvalidDsn::Query);
        }
    }
    Ok(mode.unwrap_or_default())
}

#[cfg(test)]
#[path = "dsn_tests.rs"]
mod tests;
