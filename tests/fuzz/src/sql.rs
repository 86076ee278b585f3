//! Where Postgres sees code in a text of SQL, and where strings and comments: after the rules of its scanner
//! (`src/backend/parser/scan.l`), with `standard_conforming_strings = on`.
//!
//! Up to version 14 a number may be followed by a word right away, and later ones refuse that: the older rule is taken.

/// Whether whatever follows this text is code, not the inside of a string, a quoted name or a comment.
pub fn is_code_after(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let next = match (first, after) {
            (b'-', [b'-', ..]) => after_line(rest),
            (b'/', [b'*', inside @ ..]) => after_comment(inside),
            (b'e' | b'E', [b'\'', inside @ ..]) => after_string(inside, true),
            (b'u' | b'U', [b'&', quote @ (b'\'' | b'"'), inside @ ..]) | (quote @ (b'\'' | b'"'), inside) => {
                after_quoted(*quote, inside)
            }
            (b'$', _) => after_dollar(after),
            (b'0'..=b'9', _) => Some(after_number(rest)),
            _ if starts_name(*first) => {
                Some(skip(rest, |byte| starts_name(*byte) || matches!(byte, b'0'..=b'9' | b'$')))
            }
            _ => Some(after),
        };
        match next {
            Some(next) => rest = next,
            None => return false,
        }
    }
    true
}

/// Letters of other alphabets are bytes above 127 here, and so are their spaces.
fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte > 127
}

fn skip(text: &[u8], of: impl Fn(&u8) -> bool) -> &[u8] {
    &text[text.iter().position(|byte| !of(byte)).unwrap_or(text.len())..]
}

/// `1`, `1.5`, `1.5e-3`. The words right behind it are not a part of it.
fn after_number(text: &[u8]) -> &[u8] {
    let digits = |text| skip(text, u8::is_ascii_digit);
    let rest = match digits(text) {
        [b'.', fraction @ ..] => digits(fraction),
        rest => rest,
    };
    let ([b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..]) = rest else {
        return rest;
    };
    if exponent.first().is_some_and(u8::is_ascii_digit) { digits(exponent) } else { rest }
}

/// A comment up to the end of its line. `None`: the text ends within it.
fn after_line(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    Some(&text[end..])
}

fn after_comment(mut text: &[u8]) -> Option<&[u8]> {
    let mut depth = 1;
    while depth > 0 {
        text = match text {
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
            [] => return None,
        };
    }
    Some(text)
}

fn after_quoted(quote: u8, text: &[u8]) -> Option<&[u8]> {
    if quote == b'\'' { after_string(text, false) } else { after_quote(text, b'"', false) }
}

/// A string, and its continuations: after white space with a line's end in it, a quote opens the same string again.
fn after_string(text: &[u8], escapes: bool) -> Option<&[u8]> {
    let rest = after_quote(text, b'\'', escapes)?;
    match continuation(rest) {
        Some(inside) => after_string(inside, escapes),
        None => Some(rest),
    }
}

fn after_quote(mut text: &[u8], quote: u8, escapes: bool) -> Option<&[u8]> {
    loop {
        text = match text {
            [b'\\', _, rest @ ..] if escapes => rest,
            [a, b, rest @ ..] if *a == quote && *b == quote => rest,
            [byte, rest @ ..] if *byte == quote => return Some(rest),
            [_, rest @ ..] => rest,
            [] => return None,
        };
    }
}

fn continuation(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut lines = 0;
    loop {
        rest = match rest {
            [b'\n' | b'\r', after @ ..] => {
                lines += 1;
                after
            }
            [b' ' | b'\t' | 0x0b | 0x0c, after @ ..] => after,
            [b'-', b'-', ..] => after_line(rest)?,
            [b'\'', after @ ..] if lines > 0 => return Some(after),
            _ => return None,
        };
    }
}

/// `$1`, `$$...$$`, `$tag$...$tag$`, or a lone character.
fn after_dollar(text: &[u8]) -> Option<&[u8]> {
    if text.first().is_some_and(u8::is_ascii_digit) {
        return Some(skip(text, u8::is_ascii_digit));
    }
    let after_tag = match text.first() {
        Some(first) if starts_name(*first) => skip(text, |byte| starts_name(*byte) || byte.is_ascii_digit()),
        _ => text,
    };
    let [b'$', inside @ ..] = after_tag else { return Some(text) };
    let fence = [b"$", &text[..text.len() - inside.len()]].concat();
    let end = inside.windows(fence.len()).position(|window| window == fence)?;
    Some(&inside[end + fence.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Postgres 15 answers to `SELECT <text> 1`, or to the same with what ends the string or comment.
    #[test]
    fn strings_and_comments_are_told_from_code() {
        for code in [
            "",
            "'a'",
            "'it''s'",
            r"'\'",
            r"E'\''",
            "$$ ' $$",
            "$a$ $$ ' $a$",
            "/* /* */ */",
            "-- '\n",
            "$1",
            "a$b$",
            "\"'\"",
        ] {
            assert!(is_code_after(code), "{code}");
        }
        for inside in [
            "'",
            "'a''",
            r"E'\'",
            "$$ $a$",
            "$a$ $$",
            "/* /* */",
            "-- ",
            "\"a\"\"",
            "E'a'\n'\\'",
            "E'a' -- b\n '\\'",
        ] {
            assert!(!is_code_after(inside), "{inside}");
        }
        assert!(is_code_after("E'a' '\\'") && is_code_after("\u{a0}e'\\'"));
    }
}
