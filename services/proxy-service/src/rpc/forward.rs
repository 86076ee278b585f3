//! `Forward`: one HTTP request to a Supabase project, and its answer as a stream.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use postern_chassis::{call::call, signed_in};
use postern_domain::{ConnectionName, Secret};
use postern_rpc::{
    Problem,
    connection::SupabaseService,
    proxy::{
        ForwardHead, ForwardRequest, ForwardResponse, ForwardSummary, HttpHeader, HttpMethod,
        forward_response,
    },
};
use postern_tenant::supabase::{Method, Request as ProjectRequest, Service};
use tokio::time::Instant;
use tokio_stream::Stream;
use tonic::{Request, Status};

use super::convert;
use crate::{
    execution::{Core, Failure, Job, Parts, supabase::ForwardPart},
    problem,
};

const MOST_SEGMENTS: usize = 64;
const MOST_PARAMETERS: usize = 256;
const MOST_HEADERS: usize = 64;

pub(super) async fn forward(core: &Arc<Core>, request: Request<ForwardRequest>) -> Result<Responses, Status> {
    let (caller, call) = (signed_in(&request)?.clone(), call(&request));
    let mut message = request.into_inner();
    let connection = ConnectionName::parse(&message.connection)
        .map_err(|error| Problem::field("connection", error.to_string()))?;
    let started = Instant::now();
    let deadline = started + super::timeout(message.timeout.take())?;
    let request = parse(message)?;
    let job = Job { call, caller, connection, started, deadline };
    let parts = core.forward(job, request).await.map_err(|failure| problem::of(&failure))?;
    Ok(Responses(parts))
}

/// The request as the project gets it. What its parts may hold is judged where it is built.
pub(crate) fn parse(message: ForwardRequest) -> Result<ProjectRequest, Problem> {
    let (method, service) = (method(message.method()), service(message.service()));
    if message.path.len() > MOST_SEGMENTS {
        return Err(Problem::field("path", format!("a path has at most {MOST_SEGMENTS} segments")));
    }
    if message.query.len() > MOST_PARAMETERS {
        return Err(Problem::field("query", format!("a query has at most {MOST_PARAMETERS} parameters")));
    }
    if message.headers.len() > MOST_HEADERS {
        return Err(Problem::field("headers", format!("a request has at most {MOST_HEADERS} headers")));
    }
    Ok(ProjectRequest {
        query: message.query.into_iter().map(|parameter| (parameter.name, parameter.value)).collect(),
        headers: message.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        body: message.body.into(),
        user_token: message.user_token.map(Secret::from_text),
        ..ProjectRequest::new(method, service, message.path)
    })
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Unspecified | HttpMethod::Get => Method::Get,
        HttpMethod::Head => Method::Head,
        HttpMethod::Post => Method::Post,
        HttpMethod::Put => Method::Put,
        HttpMethod::Patch => Method::Patch,
        HttpMethod::Delete => Method::Delete,
    }
}

fn service(service: SupabaseService) -> Service {
    match service {
        SupabaseService::Unspecified | SupabaseService::Rest => Service::Rest,
        SupabaseService::Storage => Service::Storage,
        SupabaseService::Functions => Service::Functions,
        SupabaseService::Auth => Service::Auth,
    }
}

/// The parts of an answer as messages.
pub struct Responses(Parts<ForwardPart>);

impl Stream for Responses {
    type Item = Result<ForwardResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.0).poll_next(cx));
        Poll::Ready(next.map(|part| part.and_then(response).map_err(|failure| problem::of(&failure).into())))
    }
}

fn response(part: ForwardPart) -> Result<ForwardResponse, Failure> {
    let part = match part {
        ForwardPart::Head { status, headers } => forward_response::Part::Head(ForwardHead {
            status: status.into(),
            headers: headers
                .into_iter()
                .map(|(name, value)| HttpHeader { name: name.to_owned(), value })
                .collect(),
        }),
        ForwardPart::Body(bytes) => forward_response::Part::Body(bytes.into()),
        ForwardPart::Summary { bytes, timings, hint } => forward_response::Part::Summary(ForwardSummary {
            byte_count: bytes
                .try_into()
                .map_err(|_| Failure::Defect("a number of bytes beyond 63 bits".into()))?,
            timings: Some(convert::timings(&timings)),
            hint: hint.unwrap_or_default(),
        }),
    };
    Ok(ForwardResponse { part: Some(part) })
}
