use serde_json::{Value, json};

use super::*;
use crate::test_support::{Signer, base64_url, jwks};

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(&jwks(keys)).ok().unwrap()
}

fn with(mut jwk: Value, changes: &[(&str, Value)]) -> Value {
    for (name, value) in changes {
        jwk[*name] = value.clone();
    }
    jwk
}

/// The algorithm of the key of this id, if the set holds it.
fn algorithm(set: &KeySet, id: &str) -> Option<Algorithm> {
    set.find(Some(id)).map(|key| key.algorithm)
}

#[test]
fn a_key_without_alg_gets_it_from_its_type_and_curve() {
    for (signer, expected) in [
        (Signer::es256("k"), Algorithm::ES256),
        (Signer::rs256("k"), Algorithm::RS256),
        (Signer::eddsa("k"), Algorithm::EdDSA),
    ] {
        let mut jwk = signer.jwk();
        assert_eq!(algorithm(&set(&[jwk.clone()]), "k"), Some(expected));
        jwk.as_object_mut().unwrap().remove("alg");
        assert_eq!(algorithm(&set(&[jwk]), "k"), Some(expected));
    }
}

#[test]
fn keys_that_must_not_verify_are_left_out() {
    let es = Signer::es256("k").jwk();
    let unusable = [
        json!({"kty": "oct", "kid": "k", "alg": "HS256", "k": base64_url([7; 32])}),
        json!({"kty": "oct", "kid": "k", "k": base64_url([7; 32])}),
        with(es.clone(), &[("use", json!("enc"))]),
        with(es.clone(), &[("key_ops", json!(["encrypt"]))]),
        with(es.clone(), &[("key_ops", json!([]))]),
        with(es.clone(), &[("key_ops", json!("verify"))]),
        with(es.clone(), &[("use", json!("enc")), ("key_ops", json!(["verify"]))]),
        with(es.clone(), &[("alg", json!("HS256"))]),
        with(es.clone(), &[("alg", json!("none"))]),
        with(es.clone(), &[("alg", json!("RS256"))]),
        with(es.clone(), &[("crv", json!("P-521"))]),
        with(es.clone(), &[("kid", json!(7))]),
        with(es.clone(), &[("x", json!("not base64!"))]),
        with(Signer::rs256("k").jwk(), &[("alg", json!("HS256"))]),
        with(Signer::rs256("k").jwk(), &[("alg", json!("RSA-OAEP"))]),
        json!("k"),
        json!({"kid": "k"}),
    ];
    for jwk in unusable {
        let set = set(&[jwk.clone(), with(es.clone(), &[("kid", json!("other"))])]);
        assert_eq!(algorithm(&set, "k"), None, "{jwk}");
        assert_eq!(algorithm(&set, "other"), Some(Algorithm::ES256), "{jwk}");
    }
}

#[test]
fn an_id_is_looked_up_exactly_and_only_a_set_of_one_needs_none() {
    let (one, two) = (Signer::es256("one").jwk(), Signer::rs256("two").jwk());
    let both = set(&[one.clone(), two]);
    assert_eq!(algorithm(&both, "one"), Some(Algorithm::ES256));
    for id in ["", "ONE", "one ", "on", "one\0", "../one", "one' OR '1'='1"] {
        assert!(both.find(Some(id)).is_none(), "{id:?}");
    }
    assert!(both.find(None).is_none());
    let single = set(&[one]);
    assert!(single.find(None).is_some());
    assert!(single.find(Some("two")).is_none());
    let nameless = set(&[Signer::es256("x").without_id().jwk()]);
    assert!(nameless.find(None).is_some() && nameless.find(Some("x")).is_none());
}

#[test]
fn other_documents_are_refused_and_an_empty_set_is_a_set() {
    for document in ["", "[]", "{}", "<html>", r#"{"keys": {}}"#, r#"{"keys": [], "keys": []}"#] {
        assert!(KeySet::parse(document.as_bytes()).is_err(), "{document}");
    }
    assert!(set(&[]).find(None).is_none());
}

#[test]
fn a_key_verifies_the_algorithm_that_its_issuer_names() {
    let (es, rs) = (Signer::es256("k").jwk(), Signer::rs256("k").jwk());
    for (jwk, expected) in [
        (with(es, &[("key_ops", json!(["sign", "verify"]))]), Algorithm::ES256),
        (with(rs.clone(), &[("alg", json!("PS256"))]), Algorithm::PS256),
        (with(rs.clone(), &[("alg", json!("PS384"))]), Algorithm::PS384),
        (with(rs, &[("alg", json!("PS512"))]), Algorithm::PS512),
        (with(Signer::eddsa("k").jwk(), &[("alg", json!("Ed25519"))]), Algorithm::EdDSA),
    ] {
        assert_eq!(algorithm(&set(std::slice::from_ref(&jwk)), "k"), Some(expected), "{jwk}");
    }
}
