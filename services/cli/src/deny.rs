//! `postern deny`: withdraws access from users, tokens, issuers' users, hosts and connections.

use std::time::Duration;

use postern_domain::Host;
use postern_store::{Denial, DenialStore, Denied, PoolOptions};
use prost_types::Timestamp;
use serde::Serialize;

use crate::{
    arguments::{DenialKind, DeniedArguments, DenyCommand},
    config::{Config, Login},
    failure::{Exit, Failure},
    output::{Output, table},
    owner,
};

/// Maximum length of a note, of a `jti` and of an issuer in bytes; the database's own limit.
const MOST_BYTES: usize = 1024;

/// A denial. Times are RFC 3339.
#[derive(Serialize)]
struct DenialView {
    kind: &'static str,
    value: String,
    /// The issuer of a denied token.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    note: String,
    create_time: String,
    /// Null: until it is removed.
    expire_time: Option<String>,
}

#[derive(Serialize)]
struct Changed {
    kind: &'static str,
    value: String,
}

pub(crate) async fn run(command: &DenyCommand, config: &Config, output: Output) -> Result<(), Failure> {
    match command {
        DenyCommand::Add { what, note, lifetime } => {
            let denied = parse(what)?;
            require_text("--note", note, 0)?;
            let store = connect(config).await?;
            store.add(&denied, note, *lifetime).await?;
            report(&denied, "Denied", output)
        }
        DenyCommand::Remove { what } => {
            let denied = parse(what)?;
            if !connect(config).await?.remove(&denied).await? {
                let (kind, value) = denied.describe();
                let hint = "`postern deny list` shows what is.";
                return Err(Failure::refused(format!("the {kind} {value} is not denied")).hint(hint));
            }
            report(&denied, "No longer denied:", output)
        }
        DenyCommand::List => {
            let denials = connect(config).await?.list().await?;
            let denials: Vec<_> = denials.into_iter().map(DenialView::new).collect();
            output.print(&denials, || to_text(&denials))
        }
    }
}

async fn connect(config: &Config) -> Result<DenialStore, Failure> {
    let store = DenialStore::connect(&config.require_url(Login::Operator)?, PoolOptions::default()).await;
    store.map_err(|error| config.locate(Login::Operator, error.into()))
}

/// A time such as `90s`, `30m`, `12h` or `7d`, of up to ten years.
pub(crate) fn lifetime(text: &str) -> Result<Duration, String> {
    const LONGEST: u64 = 3653 * 86_400;
    let wrong = || "a time is a number and a unit, such as 90s, 30m, 12h or 7d, and at most 3653d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(total @ 1..=LONGEST) => Ok(Duration::from_secs(total)),
        _ => Err(wrong()),
    }
}

fn parse(DeniedArguments { kind, value, issuer }: &DeniedArguments) -> Result<Denied, Failure> {
    if issuer.is_some() && !matches!(kind, DenialKind::Owner | DenialKind::Jti) {
        return Err(usage("--issuer goes with the kinds owner and jti"));
    }
    if let Some(issuer) = issuer {
        require_text("--issuer", issuer, 1)?;
    }
    match (kind, issuer) {
        (DenialKind::Owner, None) => Denied::owner(value).ok_or_else(|| {
            usage("an owner is a UUID").hint("To name a user by the `sub` of their tokens, add --issuer.")
        }),
        (DenialKind::Owner, Some(issuer)) => Ok(Denied::Owner(owner::derived(issuer, value)?)),
        (DenialKind::Jti, Some(issuer)) => {
            require_text("a jti", value, 1)?;
            Ok(Denied::Token { issuer: issuer.clone(), id: value.clone() })
        }
        (DenialKind::Jti, None) => Err(usage("a jti needs --issuer: the `iss` of the same token")),
        (DenialKind::Issuer, _) => {
            require_text("an issuer", value, 1)?;
            Ok(Denied::Issuer(value.clone()))
        }
        (DenialKind::Host, _) => {
            let host = Host::parse(value).map_err(|error| usage(error.to_string()))?;
            Ok(Denied::Host(host))
        }
        (DenialKind::Connection, _) => Denied::connection(value).ok_or_else(|| {
            usage("a connection's id is a UUID").hint("The services log it as `connection` for each call.")
        }),
    }
}

fn require_text(what: &str, text: &str, least: usize) -> Result<(), Failure> {
    if (least..=MOST_BYTES).contains(&text.len()) && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(usage(format!("{what} has {least} to {MOST_BYTES} bytes without control characters")))
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Usage, message)
}

fn report(denied: &Denied, done: &str, output: Output) -> Result<(), Failure> {
    let (kind, value) = denied.describe();
    let text = format!("{done} {kind} {value}\n");
    output.print(&Changed { kind, value }, || text)
}

impl DenialView {
    fn new(Denial { denied, note, created_at, expires_at }: Denial) -> Self {
        let (kind, value) = denied.describe();
        let issuer = match denied {
            Denied::Token { issuer, .. } => Some(issuer),
            _ => None,
        };
        let (create_time, expire_time) = (rfc3339(created_at), expires_at.map(rfc3339));
        Self { kind, value, issuer, note, create_time, expire_time }
    }

    fn cells(&self) -> [String; 6] {
        [
            self.kind.to_owned(),
            self.value.clone(),
            self.issuer.clone().unwrap_or_default(),
            self.create_time.clone(),
            self.expire_time.clone().unwrap_or_else(|| "never".to_owned()),
            self.note.clone(),
        ]
    }
}

fn to_text(denials: &[DenialView]) -> String {
    if denials.is_empty() {
        return "Nothing is denied.\n".to_owned();
    }
    let rows: Vec<_> = denials.iter().map(DenialView::cells).collect();
    table(["kind", "value", "issuer", "since", "expires", "note"], &rows)
}

/// Whole seconds.
fn rfc3339(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Timestamp { seconds, nanos: 0 }.to_string()
}

#[cfg(test)]
mod tests {
    use postern_domain::OwnerId;

    use super::*;

    fn parsed(kind: DenialKind, value: &str, issuer: Option<&str>) -> Result<Denied, String> {
        let issuer = issuer.map(str::to_owned);
        parse(&DeniedArguments { kind, value: value.to_owned(), issuer })
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "7", "d", "0s", "-1d", "1.5h", "1w", "7 d", "3654d", "99999999999999999999d", "7ч"]
        {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_is_named_by_id_or_by_subject_and_a_host_in_any_spelling() {
        let derived = OwnerId::derived("https://auth.example.com", "user-1");
        let by_subject = parsed(DenialKind::Owner, "user-1", Some("https://auth.example.com"));
        assert_eq!(by_subject, parsed(DenialKind::Owner, &derived.to_string().to_uppercase(), None));
        assert_eq!(by_subject, Ok(Denied::Owner(derived)));
        for (written, host) in [("DB.Example.com.", "db.example.com"), ("[2001:DB8::7]", "2001:db8::7")] {
            assert_eq!(parsed(DenialKind::Host, written, None), Ok(Denied::Host(Host::parse(host).unwrap())));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_to_do() {
        let long = "x".repeat(MOST_BYTES + 1);
        for (kind, value, issuer, because) in [
            (DenialKind::Owner, "ada", None, "an owner is a UUID\nTo name a user"),
            (DenialKind::Owner, "", Some("iss"), "a subject has 1 to 255 bytes"),
            (DenialKind::Jti, "7", None, "a jti needs --issuer"),
            (DenialKind::Jti, "7", Some(""), "--issuer has 1 to 1024 bytes"),
            (DenialKind::Jti, "a\nb", Some("iss"), "without control characters"),
            (DenialKind::Issuer, &long, None, "an issuer has 1 to 1024 bytes"),
            (DenialKind::Issuer, "iss", Some("iss"), "--issuer goes with the kinds owner and jti"),
            (DenialKind::Host, "https://db.example.com", None, "a host is an IP address or a DNS name"),
            (DenialKind::Connection, "shop", None, "a connection's id is a UUID"),
        ] {
            let error = parsed(kind, value, issuer).unwrap_err();
            assert!(error.contains(because), "{error}");
        }
    }
}
