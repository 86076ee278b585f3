use super::*;
use crate::postgres::fake::{Server, error, message, pipe, soon};

fn authentication(kind: u32, data: &[u8]) -> Vec<u8> {
    message(b'R', &[&kind.to_be_bytes()[..], data].concat())
}

/// Signs in to a server that starts with `first`, and goes on as `script` says.
async fn sign_in(
    first: Vec<u8>,
    binding: Binding,
    script: impl AsyncFnOnce(&mut Server),
) -> Result<(), TenantError> {
    let (ours, mut server) = pipe();
    server.send(&first).await;
    let mut wire = Wire::new(Box::new(ours));
    let password = Secret::from_text("open sesame".into());
    let (result, ()) = tokio::join!(prove(&mut wire, binding, &password, soon()), script(&mut server));
    result
}

async fn refused(first: &[u8]) -> TenantError {
    sign_in(first.to_vec(), Binding::None, async |_: &mut Server| {}).await.err().unwrap()
}

const OFFER: &[u8] = b"SCRAM-SHA-256\0\0";

/// Reads the client's first message and gives its mechanism, its header, and its nonce.
async fn client_first(server: &mut Server) -> (String, String, String) {
    use tokio::io::AsyncReadExt;
    assert_eq!(server.0.read_u8().await.unwrap(), b'p');
    let body = server.read_body().await;
    let (mechanism, rest) = body.split_at(body.iter().position(|&b| b == 0).unwrap());
    let text = String::from_utf8(rest[5..].to_vec()).unwrap();
    let (header, nonce) = text.split_once("n=,r=").unwrap();
    (String::from_utf8(mechanism.to_vec()).unwrap(), header.to_owned(), nonce.to_owned())
}

async fn challenge(server: &mut Server, iterations: &str) {
    let (_, _, nonce) = client_first(server).await;
    let challenge = format!("r={nonce}server,s=c2FsdHNhbHQ=,i={iterations}");
    server.send(&authentication(SASL_CONTINUE, challenge.as_bytes())).await;
}

#[tokio::test]
async fn weaker_ways_of_signing_in_are_refused_with_advice() {
    for (kind, data, expected) in [
        (CLEARTEXT, &b""[..], AuthError::Cleartext),
        (MD5, b"salt", AuthError::Md5),
        (OK, b"", AuthError::NotAsked),
        (7, b"", AuthError::Unsupported),
        (9, b"", AuthError::Unsupported),
        (SASL, b"OAUTHBEARER\0\0", AuthError::Unsupported),
    ] {
        let error = refused(&authentication(kind, data)).await;
        assert!(matches!(error, TenantError::Auth(found) if found == expected), "{kind}: {error}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_another_refusal_are_told_apart() {
    assert!(matches!(refused(&error("28P01")).await, TenantError::Auth(AuthError::Refused)));
    assert!(matches!(refused(&error("53300")).await, TenantError::TooManyConnections));
    assert!(matches!(refused(&message(b'Z', b"I")).await, TenantError::Protocol(_)));
}

#[tokio::test]
async fn iteration_bombs_are_refused_before_they_go_off() {
    for (iterations, bomb) in
        [("100001", true), ("4294967295", true), ("99999999999999", true), ("0", false), ("x", false)]
    {
        let result = sign_in(authentication(SASL, OFFER), Binding::None, async |server: &mut Server| {
            challenge(server, iterations).await;
        });
        match result.await.err().unwrap() {
            TenantError::Auth(AuthError::Iterations) => assert!(bomb, "{iterations}"),
            TenantError::Protocol(_) => assert!(!bomb, "{iterations}"),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_itself_is_refused() {
    for verdict in [
        authentication(SASL_FINAL, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        authentication(SASL_FINAL, b"e=other-error"),
        authentication(SASL_FINAL, b""),
        authentication(OK, b""),
    ] {
        let result = sign_in(authentication(SASL, OFFER), Binding::None, async |server: &mut Server| {
            challenge(server, "4096").await;
            server.read_to(b'p').await;
            server.send(&verdict).await;
        });
        assert!(matches!(result.await, Err(TenantError::Auth(AuthError::Unproven))));
    }
}

#[tokio::test]
async fn a_nonce_of_somebody_else_is_refused() {
    let result = sign_in(authentication(SASL, OFFER), Binding::None, async |server: &mut Server| {
        client_first(server).await;
        server.send(&authentication(SASL_CONTINUE, b"r=other,s=c2FsdA==,i=4096")).await;
    });
    assert!(matches!(result.await, Err(TenantError::Protocol(_))));
}

#[tokio::test]
async fn the_channel_is_bound_where_both_can_and_a_struck_offer_is_told() {
    let both = b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0".as_slice();
    for (offer, binding, mechanism, header) in [
        (both, Binding::EndPoint(vec![7; 32]), "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,"),
        (OFFER, Binding::EndPoint(vec![7; 32]), "SCRAM-SHA-256", "y,,"),
        (both, Binding::None, "SCRAM-SHA-256", "n,,"),
    ] {
        let mut found = None;
        let result = sign_in(authentication(SASL, offer), binding, async |server: &mut Server| {
            found = Some(client_first(server).await);
            server.send(&error("28P01")).await;
        });
        assert!(result.await.is_err());
        let (found_mechanism, found_header, _) = found.unwrap();
        assert_eq!((found_mechanism.as_str(), found_header.as_str()), (mechanism, header));
    }
}
