//! A connection to a project, which takes one request at a time.

use postern_domain::supabase::{KeySort, SupabaseEndpoint};
use tokio::time::{Instant, timeout_at};

use super::{
    Method, Request, Response, SupabaseError,
    head::{self, Common},
    headers,
    link::Link,
    response::About,
};
use crate::Session;

/// A connection to a Supabase project over HTTP/1.1 and TLS. It takes one request at a time, and is kept alive between
/// them.
///
/// Dropping a [`Response`] before its end, or the future of a request, closes the connection.
pub struct SupabaseConnection {
    /// `None` once the connection is closed.
    link: Option<Link>,
    endpoint: SupabaseEndpoint,
    common: Common,
    /// From the sending of a request to the end of its answer.
    busy: bool,
}

/// Bounds of one request and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Deadline for the answer's head.
    pub head: Instant,
    /// Deadline for the whole answer.
    pub deadline: Instant,
    /// Longest body of the answer, in bytes.
    pub body_bytes: u64,
}

impl SupabaseConnection {
    pub(super) fn new(link: Link, endpoint: SupabaseEndpoint, common: Common) -> Self {
        Self { link: Some(link), endpoint, common, busy: false }
    }

    /// Sends a request and waits for the head of its answer. A request that is refused before it is sent leaves the
    /// connection open; any other error closes it.
    pub async fn send(&mut self, request: &Request, bounds: &Bounds) -> Result<Response<'_>, SupabaseError> {
        let dressed = self.common.dress(request, &self.endpoint)?;
        let about = About {
            method: request.method,
            schema: head::schema_of(dressed.headers(), request.method),
            with_user_token: self.endpoint.pass_user_token && request.user_token.is_some(),
        };
        let link = self.link.as_mut().filter(|_| !self.busy).ok_or(SupabaseError::Unsent)?;
        self.busy = true;
        let answering = timeout_at(bounds.head.min(bounds.deadline), link.send(dressed));
        let answer = answering.await.unwrap_or(Err(SupabaseError::Timeout));
        let limit = if request.method == Method::Head { u64::MAX } else { bounds.body_bytes };
        match answer.and_then(|answer| acceptable(answer, limit)) {
            Ok(answer) => Ok(Response::new(self, answer, about, bounds)),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Where the connection leads.
    pub fn endpoint(&self) -> &SupabaseEndpoint {
        &self.endpoint
    }

    /// The kind of the key that is sent.
    pub fn key_sort(&self) -> KeySort {
        self.common.sort
    }

    pub(super) fn link(&mut self) -> Option<&mut Link> {
        self.link.as_mut()
    }

    /// The answer has been read to its end. A project that closes after it makes itself heard here.
    pub(super) fn settle(&mut self) {
        self.busy = false;
        if !self.is_quiet() {
            self.link = None;
        }
    }

    /// Closes the connection, and returns the error.
    pub(super) fn give_up(&mut self, reason: SupabaseError) -> SupabaseError {
        self.link = None;
        reason
    }
}

impl Session for SupabaseConnection {
    fn is_reusable(&self) -> bool {
        self.link.is_some() && !self.busy
    }

    /// A request that was given up is ended by closing its connection.
    fn is_recoverable(&self) -> bool {
        false
    }

    /// All that an idle project can tell us is that it is closing the connection.
    fn is_quiet(&mut self) -> bool {
        !self.busy && self.link.as_mut().is_some_and(Link::is_open)
    }

    fn shrink(&mut self) {}

    async fn recover(&mut self) -> bool {
        false
    }
}

/// Refuses an answer by its head. The answer to a HEAD request announces a length, but has no body.
fn acceptable<B>(answer: http::Response<B>, limit: u64) -> Result<http::Response<B>, SupabaseError> {
    let status = answer.status();
    if status.is_informational() || status.as_u16() >= 600 {
        return Err(SupabaseError::Protocol);
    }
    if status.is_redirection() && status != http::StatusCode::NOT_MODIFIED {
        return Err(SupabaseError::Redirected);
    }
    if !headers::is_identity(answer.headers()) {
        return Err(SupabaseError::Encoded);
    }
    if headers::announced_length(answer.headers()).is_some_and(|length| length > limit) {
        return Err(SupabaseError::BodyTooLarge);
    }
    Ok(answer)
}
