//! The AWS SDK's HTTP client: [`Client`] instead of the SDK's own, which uses proxies and another TLS stack.

use std::net::IpAddr;

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::{Headers, StatusCode},
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use postern_domain::Host;
use postern_egress::HttpUrl;

use crate::roots::{
    Trouble,
    client::{Answer, Call, Client},
};

/// Adapts [`Client`] to the SDK. The client's own deadlines apply, not the SDK's settings.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) Client);

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let call = call(request).map_err(|trouble| ConnectorError::user(trouble.into()))?;
            let answer = client.send(call).await.map_err(failed)?;
            response(answer).map_err(|trouble| ConnectorError::other(trouble.into(), None))
        })
    }
}

fn call(request: HttpRequest) -> Result<Call, Trouble> {
    let request = request.try_into_http1x().map_err(|_| Trouble::Defect)?;
    let (head, body) = request.into_parts();
    let url = HttpUrl::parse(&head.uri.to_string()).map_err(|_| Trouble::Defect)?;
    if !url.is_https() && !stays_near(url.host()) {
        return Err(Trouble::PlainHttp);
    }
    // The SDK only streams large objects.
    let body = Bytes::copy_from_slice(body.bytes().ok_or(Trouble::Defect)?);
    Ok(Call { method: head.method, url, headers: head.headers, body })
}

/// Whether plain `http` to this host stays on the machine or its link. The metadata services of instances and
/// containers support nothing else; `fd00:ec2::/32` is reserved for them.
fn stays_near(host: &Host) -> bool {
    match host {
        Host::Ip(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Host::Ip(IpAddr::V6(ip)) => ip.is_loopback() || ip.segments()[..2] == [0xfd00, 0x0ec2],
        Host::Name(name) => name == "localhost",
    }
}

fn failed(trouble: Trouble) -> ConnectorError {
    match trouble {
        Trouble::Timeout => ConnectorError::timeout(trouble.into()),
        Trouble::Unreachable => ConnectorError::io(trouble.into()).never_connected(),
        trouble => ConnectorError::io(trouble.into()),
    }
}

fn response(answer: Answer) -> Result<HttpResponse, Trouble> {
    let status = StatusCode::try_from(answer.status.as_u16()).map_err(|_| Trouble::Protocol)?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body.as_slice()));
    *response.headers_mut() = Headers::try_from(answer.headers).map_err(|_| Trouble::Protocol)?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_leave_in_the_clear() {
        let request = |url: &str| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_uri(url).unwrap();
            call(request).map(drop)
        };
        for near in [
            "http://127.0.0.1:1/",
            "http://169.254.169.254/latest",
            "http://[fd00:ec2::254]/",
            "http://localhost:1/",
            "https://kms.example.com/",
        ] {
            assert_eq!(request(near), Ok(()), "{near}");
        }
        for far in ["http://kms.example.com/", "http://10.0.0.1/", "http://[fd00:ec3::254]/"] {
            assert_eq!(request(far), Err(Trouble::PlainHttp), "{far}");
        }
    }
}
