use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

fn words(text: &str) -> Vec<&str> {
    let words = Tokens::new(text).filter_map(|token| match token {
        Token::Word(word) | Token::Quoted(word) => Some(word),
        _ => None,
    });
    words.collect()
}

#[test]
fn strings_and_comments_are_told_from_words() {
    for (text, expected) in [
        ("a.\"b c\"($1, 2.5)", &["a", "b c"][..]),
        ("'a' b 'it''s' c", &["b", "c"]),
        (r"'\' a E'\' b' c e'''\\' d", &["a", "c", "d"]),
        (r"note'\' a", &["note", "a"]),
        ("$$ a $b$ $$ c $b$ $$ d $b$ e", &["c", "e"]),
        ("a$b$ c $1$ d $2e$ f", &["a$b$", "c", "d", "e$", "f"]),
        ("1a 1.b 2e3c 4e+d .5f 0x6", &["a", "b", "c", "e", "d", "f", "x6"]),
        ("e'a' -- b 'c\n'\\' d' e", &["e"]),
        ("e'a' '\\' b", &["b"]),
        ("\u{a0}e'\\' b", &["\u{a0}e", "b"]),
        ("u&\"a\" u&'b' c", &["u", "c"]),
        ("a -- b 'c\nd /* e /* f */ g */ h", &["a", "d", "h"]),
        ("'/*' a '*/' \"--\" b", &["a", "--", "b"]),
        ("é/**/ü", &["é", "ü"]),
        ("a 'b", &["a"]),
        ("a /* b */* c", &["a", "c"]),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn no_text_takes_long() {
    let begun = Instant::now();
    for part in ["a/*", "a--", "$a", "$a$", "'", "e'\\", "\"", "/*/", "*/", "$a$b$", "é", "--\n", "a("] {
        Tokens::new(&part.repeat(256 * 1024 / part.len())).for_each(drop);
    }
    assert!(begun.elapsed().as_secs() < 5);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "('|\"|\\$|\\\\|/\\*|\\*/|--|\n|e|é|.){0,30}") {
        Tokens::new(&text).for_each(drop);
    }
}
