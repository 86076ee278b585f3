//! The ids by which a call can be followed from service to service.

use std::{
    fmt::Write,
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Names a request in the logs of every service that it passes.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C Trace Context, <https://www.w3.org/TR/trace-context/#traceparent-header>.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest request id that is accepted.
const REQUEST_ID_BYTES: usize = 64;

/// A request's id, and the trace it belongs to, if any.
#[derive(Clone)]
pub(crate) struct Ids {
    request: HeaderValue,
    trace: Option<Trace>,
}

/// What is kept of a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    id: [u8; 32],
    flags: [u8; 2],
}

impl Ids {
    /// The ids that came with a request. A request id that is malformed or missing is replaced by a new one; a
    /// malformed `traceparent` is ignored.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let request = headers.get(REQUEST_ID).filter(|id| is_request_id(id.as_bytes()));
        let trace = headers.get(TRACEPARENT).and_then(|value| Trace::parse(value.as_bytes()));
        Self { request: request.cloned().unwrap_or_else(new_request_id), trace }
    }

    /// New ids, for a call without a layer.
    pub(super) fn detached() -> Self {
        Self { request: new_request_id(), trace: None }
    }

    pub(super) fn request_id(&self) -> &str {
        self.request.to_str().unwrap_or_default()
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.request.clone()
    }

    pub(super) fn trace_id(&self) -> Option<&str> {
        self.trace.as_ref().and_then(|trace| str::from_utf8(&trace.id).ok())
    }

    /// The trace that this service's own span belongs to.
    pub(super) fn join(&mut self, id: [u8; 32], flags: [u8; 2]) {
        self.trace = Some(Trace { id, flags });
    }

    /// Sets both headers on a request to another service.
    pub(crate) fn propagate(&self, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.request.clone());
        if crate::trace::propagate(headers) {
            return;
        }
        if let Some(trace) = self.trace {
            headers.insert(TRACEPARENT, trace.with_new_parent());
        }
    }
}

impl Trace {
    /// `00-<32 hex digits: trace>-<16 hex digits: parent>-<2 hex digits: flags>`. A higher version may have more
    /// behind that.
    fn parse(value: &[u8]) -> Option<Self> {
        let (known, more) = value.split_at_checked(55)?;
        let [v0, v1, b'-', rest @ ..] = known else { return None };
        let (id, rest) = rest.split_first_chunk::<32>()?;
        let (b'-', rest) = rest.split_first()? else { return None };
        let (parent, rest) = rest.split_first_chunk::<16>()?;
        let [b'-', f0, f1] = *rest else { return None };
        let (version, flags) = ([*v0, *v1], [f0, f1]);
        let hex = [&version[..], id, parent, &flags].into_iter().flatten().copied().all(is_lower_hex);
        let length = if version == *b"00" { more.is_empty() } else { more.is_empty() || more[0] == b'-' };
        let zero = |digits: &[u8]| digits.iter().all(|digit| *digit == b'0');
        let valid = hex && length && version != *b"ff" && !zero(id) && !zero(parent);
        valid.then_some(Self { id: *id, flags })
    }

    /// The header for a request that this service makes, as the parent of what the next one does.
    fn with_new_parent(self) -> HeaderValue {
        let mut text = Vec::with_capacity(55);
        text.extend_from_slice(b"00-");
        text.extend_from_slice(&self.id);
        text.extend_from_slice(format!("-{:016x}-", random()[0] | 1).as_bytes());
        text.extend_from_slice(&self.flags);
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).expect("hexadecimal digits and dashes")
    }
}

fn is_request_id(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.iter().all(allowed)
}

fn is_lower_hex(digit: u8) -> bool {
    matches!(digit, b'0'..=b'9' | b'a'..=b'f')
}

fn new_request_id() -> HeaderValue {
    let mut id = String::with_capacity(32);
    let [high, low] = random();
    let _ = write!(id, "{high:016x}{low:016x}");
    HeaderValue::from_maybe_shared(bytes::Bytes::from(id)).expect("hexadecimal digits")
}

/// 128 bits that do not repeat and cannot be guessed from others, without a system call for each: a counter under
/// `SipHash`, with keys that are random in each process. Ids only; nothing is secret about them.
fn random() -> [u64; 2] {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    KEYS.each_ref().map(|key| key.hash_one(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(headers: &[(&'static str, &str)]) -> Ids {
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        Ids::of(&headers.collect())
    }

    #[test]
    fn a_well_formed_request_id_is_kept_and_any_other_is_replaced() {
        for good in ["a", "web-1.2_Z", &"x".repeat(64)] {
            assert_eq!(ids(&[("x-request-id", good)]).request_id(), good);
        }
        for bad in ["", "a b", "a\tb", "é", "{\"a\":1}", &"x".repeat(65)] {
            let id = ids(&[("x-request-id", bad)]).request_id().to_owned();
            assert!(id.len() == 32 && id.bytes().all(is_lower_hex), "{bad}: {id}");
        }
        assert_ne!(ids(&[]).request_id(), ids(&[]).request_id());
    }

    #[test]
    fn a_traceparent_is_kept_only_if_it_is_valid() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let valid = |text: &str| ids(&[("traceparent", text)]).trace_id().map(str::to_owned);
        assert_eq!(valid(&format!("00-{trace}-{parent}-01")).as_deref(), Some(trace));
        assert_eq!(valid(&format!("01-{trace}-{parent}-01-more")).as_deref(), Some(trace));
        for bad in [
            String::new(),
            "00-4bf9".to_owned(),
            format!("00-{trace}-{parent}-01-more"),
            format!("01-{trace}-{parent}-01more"),
            format!("ff-{trace}-{parent}-01"),
            format!("00-{}-{parent}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00_{trace}-{parent}-01"),
        ] {
            assert_eq!(valid(&bad), None, "{bad}");
        }
    }

    #[test]
    fn both_ids_go_with_a_request_to_another_service() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let header = format!("00-{trace}-{parent}-01");
        let mut headers = HeaderMap::new();
        ids(&[("x-request-id", "one"), ("traceparent", &header)]).propagate(&mut headers);
        assert_eq!(headers["x-request-id"], "one");
        let sent = headers["traceparent"].to_str().unwrap();
        assert!(sent.starts_with(&format!("00-{trace}-")) && sent.ends_with("-01"), "{sent}");
        assert!(!sent.contains(parent), "the caller's own span was passed on as ours: {sent}");
        assert!(Trace::parse(sent.as_bytes()).is_some(), "{sent}");
    }
}
