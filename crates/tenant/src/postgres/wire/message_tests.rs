use proptest::prelude::*;

use super::*;
use crate::{Encoding, postgres::fake};

fn protocol<T>(result: Result<T, TenantError>) -> &'static str {
    match result.err() {
        Some(TenantError::Protocol(what)) => what,
        _ => panic!("no protocol error"),
    }
}

#[test]
fn a_description_gives_the_columns() {
    let columns = columns(&fake::description(&[("id", 20), ("naïve", 25)])).unwrap();
    assert_eq!((columns[0].name.as_str(), columns[0].encoding), ("id", Encoding::Int));
    assert_eq!((columns[1].name.as_str(), columns[1].type_name.as_str()), ("naïve", "text"));
}

#[test]
fn descriptions_that_lie_are_refused() {
    let whole = fake::description(&[("id", 20)]);
    assert_eq!(protocol(columns(&whole[..whole.len() - 1])), "a message shorter than its content");
    assert_eq!(protocol(columns(&[&whole[..], b"x"].concat())), "a message longer than its content");
    assert_eq!(protocol(columns(b"\x06\x81")), "more columns than Postgres has");
    let mut not_utf8 = whole;
    not_utf8[2] = 0xff;
    assert_eq!(protocol(columns(&not_utf8)), "text that is not UTF-8");
}

#[test]
fn an_error_keeps_what_a_person_can_use() {
    let error = sql_error(b"SERROR\0VERROR\0C42P01\0Mno table\0Dd\0Hh\0P15\0Fparse.c\0\0").unwrap();
    let texts = (error.sqlstate.as_str(), error.message.as_str(), error.detail.as_str(), error.hint.as_str());
    assert_eq!(texts, ("42P01", "no table", "d", "h"));
    assert_eq!(error.position, 15);
}

#[test]
fn texts_of_errors_are_bounded_and_made_utf8() {
    let text = |field: u8, start: &[u8], rest: &str| {
        [&[field], start, rest.repeat(20_000).as_bytes(), b"\0"].concat()
    };
    let body =
        [b"C42P01\0".to_vec(), text(b'M', b"\xff", "x"), text(b'D', b"", "ü"), text(b'H', b"x", "\u{1d11e}")];
    let error = sql_error(&[body.concat(), b"\0".to_vec()].concat()).unwrap();
    assert!(error.message.starts_with("\u{fffd}x"));
    for text in [&error.message, &error.detail, &error.hint] {
        assert!(text.ends_with('…') && (1018..=1024).contains(&text.len()), "{}", text.len());
    }
    assert!(!error.detail.contains('\u{fffd}') && !error.hint.contains('\u{fffd}'));
    for length in [1024, 1025] {
        let whole = sql_error(&[b"M", &vec![b'x'; length][..], b"\0\0"].concat()).unwrap().message;
        assert_eq!((whole.len(), whole.ends_with('…')), (1024, length > 1024));
    }
    assert_eq!(protocol(sql_error(b"C<b>\0\0")), "an error without an SQLSTATE");
    assert_eq!(protocol(sql_error(b"C42P01\0M")), "a message shorter than its content");
}

proptest! {
    #[test]
    fn no_body_makes_a_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = columns(&body);
        let _ = sql_error(&body);
        let _ = command_tag(&body);
        let _ = transaction(&body);
    }
}
