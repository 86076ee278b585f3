//! The URL of a project's API, as people paste it.
//!
//! Grammar: `https://HOST[:PORT]`, followed by nothing, by `/`, or by the path of a service (`/rest/v1`, …) and
//! anything below it, which is dropped. A dashboard URL is converted to the URL of the project that it names. This
//! does not use a URL library, because those accept hosts that other programs interpret differently (`0x7f.1`, `1.2.3`,
//! `ex%61mple.com`, full-width dots).

use std::fmt;

use crate::{Host, port};

/// The address of a project's API: an HTTPS host and port, without a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProjectUrl {
    host: Host,
    port: u16,
}

/// Why a text is not a project URL. The messages never repeat the text, which may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProjectUrl {
    /// The scheme is missing, or neither `https` nor `http`.
    #[error("a project URL starts with https://, as in https://REF.supabase.co")]
    Scheme,
    /// The scheme is `http`.
    #[error("plain http would send the key unencrypted; use the project's https URL")]
    PlainHttp,
    /// Too long, or holds white space, a control character, a backslash or a character that is not ASCII.
    #[error("a project URL is at most 2048 ASCII characters without spaces and backslashes")]
    Characters,
    /// A user or a password before the host.
    #[error("a project URL has no user and no password; enter the key in its own field")]
    UserInfo,
    /// The host is not one IP address or DNS name.
    #[error("the project URL's host must be one DNS name, such as REF.supabase.co, or one IP address")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the project URL's port must be a number from 1 to 65535")]
    Port,
    /// A query or a fragment.
    #[error("a project URL has no '?' and no '#'; leave them out, and enter the key in its own field")]
    Query,
    /// A path that is not one of a service.
    #[error("a project URL has no path; leave out everything after the host")]
    Path,
    /// A page of Supabase's own site that is not a project's.
    #[error("this is not a project's page; open the project in Supabase and copy the URL again")]
    NoProject,
    /// `db.REF.supabase.co`.
    #[error("this is the host of the project's database; the project URL is the same without 'db.'")]
    DatabaseHost,
}

impl ProjectUrl {
    /// Port of HTTPS.
    pub const DEFAULT_PORT: u16 = 443;

    /// Parses what people paste; see the module for the grammar.
    pub fn parse(text: &str) -> Result<Self, InvalidProjectUrl> {
        let text = text.trim();
        if text.len() > MAX || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(InvalidProjectUrl::Characters);
        }
        let rest = after_scheme(text)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(InvalidProjectUrl::UserInfo);
        }
        let (path, tail) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
        let (host, port) = parse_authority(authority)?;
        if is_supabase_site(&host) {
            // '?' and '#' contain the dashboard's own state, which is not needed here.
            return of_dashboard(path);
        }
        if !tail.is_empty() {
            return Err(InvalidProjectUrl::Query);
        }
        if !is_root_or_service(path) {
            return Err(InvalidProjectUrl::Path);
        }
        if is_database_host(&host) {
            return Err(InvalidProjectUrl::DatabaseHost);
        }
        Ok(Self { host, port })
    }

    /// The host, not yet checked.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port; 443 if the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The project's ref, for projects at `REF.supabase.co`. Self-hosted projects and custom domains have none.
    pub fn project_ref(&self) -> Option<&str> {
        let label = name_of(&self.host)?.strip_suffix(PROJECTS)?;
        (!label.contains('.')).then_some(label)
    }

    /// Host and port, as in a `Host` header.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
            host => host.to_string(),
        };
        if self.port == Self::DEFAULT_PORT { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for ProjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

impl InvalidProjectUrl {
    /// A stable identifier for programs and for the test vectors.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scheme => "SCHEME",
            Self::PlainHttp => "PLAIN_HTTP",
            Self::Characters => "CHARACTERS",
            Self::UserInfo => "USER_INFO",
            Self::Host => "HOST",
            Self::Port => "PORT",
            Self::Query => "QUERY",
            Self::Path => "PATH",
            Self::NoProject => "NO_PROJECT",
            Self::DatabaseHost => "DATABASE_HOST",
        }
    }
}

/// Maximum length of the text in bytes.
const MAX: usize = 2048;

/// What follows the ref in a hosted project's host name.
const PROJECTS: &str = ".supabase.co";

/// Paths that gateways route to services of a project.
const SERVICES: [&str; 6] =
    ["/rest/v1", "/auth/v1", "/storage/v1", "/functions/v1", "/graphql/v1", "/realtime/v1"];

fn after_scheme(text: &str) -> Result<&str, InvalidProjectUrl> {
    let (scheme, rest) = text.split_once("://").ok_or(InvalidProjectUrl::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(rest),
        "http" => Err(InvalidProjectUrl::PlainHttp),
        _ => Err(InvalidProjectUrl::Scheme),
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`. An empty port is the default one (RFC 3986, section 3.2.3).
fn parse_authority(text: &str) -> Result<(Host, u16), InvalidProjectUrl> {
    let after_bracket = text.rfind(']').map_or(0, |end| end + 1);
    let colon = text[after_bracket..].find(':').map(|at| after_bracket + at);
    let (host, port) = match colon {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let host = Host::parse(host).map_err(|_| InvalidProjectUrl::Host)?;
    let port = port::parse(port, ProjectUrl::DEFAULT_PORT).ok_or(InvalidProjectUrl::Port)?;
    Ok((host, port))
}

fn name_of(host: &Host) -> Option<&str> {
    match host {
        Host::Name(name) => Some(name),
        Host::Ip(_) => None,
    }
}

fn is_supabase_site(host: &Host) -> bool {
    let sites = ["supabase.com", "www.supabase.com", "app.supabase.com", "supabase.co", "app.supabase.co"];
    name_of(host).is_some_and(|name| sites.contains(&name))
}

/// `/dashboard/project/REF/…`, and `/project/REF/…` as the dashboard's old host had it.
fn of_dashboard(path: &str) -> Result<ProjectUrl, InvalidProjectUrl> {
    let path = path.strip_prefix("/dashboard").unwrap_or(path);
    let after = path.strip_prefix("/project/").ok_or(InvalidProjectUrl::NoProject)?;
    let project_ref = after.split('/').next().unwrap_or_default();
    let well_formed = (1..=63).contains(&project_ref.len())
        && project_ref.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !well_formed {
        return Err(InvalidProjectUrl::NoProject);
    }
    let host = Host::Name(format!("{project_ref}{PROJECTS}"));
    Ok(ProjectUrl { host, port: ProjectUrl::DEFAULT_PORT })
}

fn is_root_or_service(path: &str) -> bool {
    let below = |service: &str| {
        path.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    matches!(path, "" | "/") || SERVICES.into_iter().any(below)
}

fn is_database_host(host: &Host) -> bool {
    name_of(host).is_some_and(|name| name.starts_with("db.") && name.ends_with(PROJECTS))
}

#[cfg(test)]
#[path = "project_url_tests.rs"]
mod tests;
