//! The address that a request comes from, also behind a gateway.

use std::net::IpAddr;

use http::{Extensions, HeaderMap, Request};
use ipnet::IpNet;
use tonic::transport::server::TcpConnectInfo;

/// The caller's address. Only for bounds by address: a bearer token says who the caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Networks of the gateways whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

const FORWARDED_FOR: &str = "x-forwarded-for";

impl TrustedProxies {
    /// The gateways' networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Notes the caller's address in the request.
    pub(crate) fn locate<B>(&self, mut request: Request<B>) -> Request<B> {
        if let Some(peer) = peer(request.extensions()) {
            let client = ClientAddress(self.client(peer, request.headers()));
            request.extensions_mut().insert(client);
        }
        request
    }

    /// Each proxy appends the address that it was called from. Read from the end, the first that is not one of our
    /// proxies is the caller; what stands before it was written by the caller.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let values = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(',').map(str::trim));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            match hop.parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let info = extensions.get::<TcpConnectInfo>()?;
    info.remote_addr().map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(trusted.iter().map(|network| network.parse().unwrap()).collect());
        let headers = forwarded
            .iter()
            .map(|value| (FORWARDED_FOR.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
        proxies.client(peer.parse().unwrap(), &headers.collect()).to_string()
    }

    #[test]
    fn a_header_is_believed_from_a_trusted_proxy_only() {
        assert_eq!(client(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_the_caller_wrote_itself_is_not_believed() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        assert_eq!(client(&trusted, "10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&trusted, "10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client(&trusted, "10.0.0.1", &["1.1.1.1", "198.51.100.7", "2001:db8::5"]), "198.51.100.7");
        assert_eq!(client(&trusted, "10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn a_header_that_cannot_be_read_leaves_the_last_known_hop() {
        for text in ["unknown", "", "198.51.100.7:443", "1.1.1.1, _hidden"] {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[text]), "10.0.0.1", "{text}");
        }
    }
}
