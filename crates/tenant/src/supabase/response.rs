//! A project's answer, as it arrives.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::{
    Bounds, Method, SupabaseConnection, SupabaseError, headers,
    hints::{self, Asked},
    link,
};

/// An answer: its head, and its body in chunks. Nothing is read ahead of the caller, so backpressure reaches the
/// project, and memory stays bounded.
///
/// Dropping it before its end closes the connection, which tells the project to stop.
pub struct Response<'a> {
    connection: &'a mut SupabaseConnection,
    about: About,
    status: u16,
    headers: Vec<(&'static str, String)>,
    /// `None` once it has ended.
    body: Option<Incoming>,
    /// Bytes that may still come.
    left: u64,
    deadline: Instant,
}

/// What hints need to know of the request.
pub(super) struct About {
    pub(super) method: Method,
    pub(super) schema: String,
    pub(super) with_user_token: bool,
}

impl<'a> Response<'a> {
    pub(super) fn new(
        connection: &'a mut SupabaseConnection,
        answer: http::Response<Incoming>,
        about: About,
        bounds: &Bounds,
    ) -> Self {
        let status = answer.status().as_u16();
        let headers = headers::of_response(answer.headers());
        let body = Some(answer.into_body());
        let (left, deadline) = (bounds.body_bytes, bounds.deadline);
        let mut response = Self { connection, about, status, headers, body, left, deadline };
        if response.body.as_ref().is_some_and(Body::is_end_stream) {
            response.end();
        }
        response
    }

    /// The status, from 200 to 599 without redirects other than 304.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers that are passed on: names in lower case, each once.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// The value of a header that is passed on.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// What a person can do about this answer, given the beginning of its body: [`hints::BODY_START_BYTES`] are enough.
    pub fn hint(&self, body_start: &[u8]) -> Option<String> {
        let asked = Asked {
            url: &self.connection.endpoint().url,
            key: self.connection.key_sort(),
            with_user_token: self.about.with_user_token,
            method: self.about.method,
            schema: &self.about.schema,
        };
        hints::of(self.status, body_start, &asked)
    }

    /// The next bytes of the body, never empty; `None` at its end. After an error the connection is closed.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, SupabaseError> {
        let chunk = self.read().await;
        match chunk {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.end();
                Ok(None)
            }
            Err(error) => {
                self.body = None;
                Err(self.connection.give_up(error))
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Bytes>, SupabaseError> {
        loop {
            let Some(body) = &mut self.body else { return Ok(None) };
            let link = self.connection.link().ok_or(SupabaseError::Closed)?;
            let frame = timeout_at(self.deadline, link.wait(body.frame())).await;
            let Some(frame) = frame.map_err(|_| SupabaseError::Timeout)? else { return Ok(None) };
            let frame = frame.map_err(|error| link::failure_of(&error))?;
            // Trailers are read and dropped.
            let Ok(chunk) = frame.into_data() else { continue };
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or(SupabaseError::BodyTooLarge)?;
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    fn end(&mut self) {
        if self.body.take().is_some() {
            self.connection.settle();
        }
    }
}

impl Drop for Response<'_> {
    fn drop(&mut self) {
        if self.body.is_some() {
            self.connection.give_up(SupabaseError::Closed);
        }
    }
}
