//! What a person can do about a project's errors.
//!
//! The project's answer is passed on unchanged, with a hint beside it. A hint repeats names of tables, schemas and
//! functions from the answer, and nothing else.

use postern_domain::supabase::{KeySort, ProjectUrl};
use serde::Deserialize;

use super::Method;

/// Bytes at the start of a body that hold any error of PostgREST.
pub const BODY_START_BYTES: usize = 8 * 1024;

/// What was requested, and with which rights.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The project.
    pub url: &'a ProjectUrl,
    /// The kind of the key that was sent.
    pub key: KeySort,
    /// Whether the user's own token was sent in the key's place.
    pub with_user_token: bool,
    /// The method.
    pub method: Method,
    /// The schema that the request was for.
    pub schema: &'a str,
}

/// A hint for an answer with this status and this start of its body; `None` for a success, and if there is nothing to
/// add to the answer.
pub fn of(status: u16, body_start: &[u8], asked: &Asked<'_>) -> Option<String> {
    if status < 400 {
        return None;
    }
    let error: Problem = serde_json::from_slice(body_start).unwrap_or_default();
    of_code(&error, asked).or_else(|| of_status(status, asked))
}

/// The fields that are used of the error bodies of PostgREST and of the gateway.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default, deserialize_with = "lenient")]
    code: String,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
}

/// Text; `None` for anything else, because the gateway, storage and auth sometimes use numbers for `code`.
fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

/// By the error's code: PostgREST's own start with PGRST, all others are Postgres' SQLSTATE.
fn of_code(error: &Problem, asked: &Asked<'_>) -> Option<String> {
    let schema = asked.schema;
    match error.code.as_str() {
        "42501" => Some(missing_right(&error.message, asked)),
        "PGRST301" | "PGRST302" | "PGRST303" if asked.with_user_token => Some(
            "the project does not accept the user's token: it has expired, or is from another project; sign in again"
                .to_owned(),
        ),
        "PGRST301" | "PGRST302" | "PGRST303" => Some(refused_key(asked)),
        "PGRST106" => Some(format!(
            "the project's API does not expose the schema {schema:?}: add it to the exposed schemas in the project's API \
             settings, or choose another schema in the connection"
        )),
        "PGRST205" | "42P01" => Some(format!(
            "check the table's name and that it is in the schema {schema:?}; after creating it, run NOTIFY pgrst, 'reload \
             schema'"
        )),
        "PGRST202" | "42883" => Some(format!(
            "check the function's name and the names of its arguments, and that it is in the schema {schema:?}; after \
             creating it, run NOTIFY pgrst, 'reload schema'"
        )),
        "PGRST204" | "42703" => Some("check the column's name; after adding it, run NOTIFY pgrst, 'reload schema'".to_owned()),
        "25006" => Some(
            "a GET request runs in a read-only transaction, and this function writes: call it with POST, over a connection \
             that is not read-only"
                .to_owned(),
        ),
        "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" => {
            Some("the project's API does not reach its database; see the project's status in the dashboard".to_owned())
        }
        _ => None,
    }
}

fn of_status(status: u16, asked: &Asked<'_>) -> Option<String> {
    match status {
        401 => Some(refused_key(asked)),
        429 => Some("the project limits the rate of requests; wait before trying again".to_owned()),
        // Supabase's own status for paused projects.
        540 => Some(format!("the project is paused; restore it at {}", dashboard(asked.url, ""))),
        // 544 to 546 are Supabase's, 520 to 530 those of the network in front of it.
        502..=504 | 520..=530 | 544 => Some(format!(
            "the project does not answer; see whether it is paused or restarting at {}",
            dashboard(asked.url, "")
        )),
        _ => None,
    }
}

/// Which key is wrong, and where to get a new one.
fn refused_key(asked: &Asked<'_>) -> String {
    let kind = asked.key.label();
    let page = dashboard(asked.url, "/settings/api-keys");
    let legacy = if asked.key.is_jwt() { ", where legacy keys may have been disabled" } else { "" };
    format!(
        "the project refuses the connection's {kind}: it was revoked or replaced; copy a new one at {page}{legacy}, and \
         save it in the connection"
    )
}

fn dashboard(url: &ProjectUrl, page: &str) -> String {
    match url.project_ref() {
        Some(project) => format!("https://supabase.com/dashboard/project/{project}{page}"),
        None => "the project's dashboard".to_owned(),
    }
}

/// 42501: a missing GRANT, or a missing policy.
fn missing_right(message: &str, asked: &Asked<'_>) -> String {
    if message.contains("row-level security") {
        return "no row level security policy of the table allows this; add one, or sign in as a user whom one allows"
            .to_owned();
    }
    match grant(message, asked) {
        Some(grant) => format!("the role has no right to this; to give it, run: {grant}"),
        None => "the role has no right to this; give it with GRANT in the project's SQL editor".to_owned(),
    }
}

/// The statement that grants the missing privilege, from "permission denied for table orders". In a request with
/// several tables, one may lack only SELECT, so the statement for a write grants SELECT too.
fn grant(message: &str, asked: &Asked<'_>) -> Option<String> {
    let rest = message.strip_prefix("permission denied for ")?;
    let (kind, name) = rest.split_once(' ')?;
    let role = role_of(asked);
    let named = identifier(name)?;
    let schema = identifier(asked.schema)?;
    Some(match kind {
        "table" | "view" | "relation" => {
            format!("GRANT {} ON {schema}.{named} TO {role};", rights(asked.method))
        }
        "sequence" => format!("GRANT USAGE ON SEQUENCE {schema}.{named} TO {role};"),
        "function" => format!("GRANT EXECUTE ON FUNCTION {schema}.{named} TO {role};"),
        "schema" => format!("GRANT USAGE ON SCHEMA {named} TO {role};"),
        _ => return None,
    })
}

const fn rights(method: Method) -> &'static str {
    match method {
        Method::Get | Method::Head => "SELECT",
        Method::Post => "SELECT, INSERT",
        Method::Patch => "SELECT, UPDATE",
        Method::Put => "SELECT, INSERT, UPDATE",
        Method::Delete => "SELECT, DELETE",
    }
}

/// The role that PostgREST takes for a key or a token.
const fn role_of(asked: &Asked<'_>) -> &'static str {
    if asked.with_user_token {
        "authenticated"
    } else if asked.key.is_secret() {
        "service_role"
    } else {
        "anon"
    }
}

/// A name in SQL syntax; `None` if it is too long for a name, or could mislead a person who copies it.
fn identifier(name: &str) -> Option<String> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let printable = !name.is_empty() && name.len() <= 63 && !name.contains(char::is_control);
    match (printable, plain) {
        (false, _) => None,
        (true, true) => Some(name.to_owned()),
        (true, false) => Some(format!("\"{}\"", name.replace('"', "\"\""))),
    }
}

#[cfg(test)]
#[path = "hints_tests.rs"]
mod tests;
