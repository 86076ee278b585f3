//! Reads one cell, in Postgres' binary or text form. Errors say what is wrong with it.

use super::{column::Kind, times};

pub(crate) type Read<T> = Result<T, &'static str>;

const SIZE: &str = "a value of the wrong size for its type";
const NOT_UTF8: &str = "text that is not UTF-8";
const FORM: &str = "a value that is not of its type's form";

pub(crate) fn bool(binary: bool, cell: &[u8]) -> Read<bool> {
    match (binary, cell) {
        (true, [byte]) => Ok(*byte != 0),
        (true, _) => Err(SIZE),
        (false, b"t") => Ok(true),
        (false, b"f") => Ok(false),
        (false, _) => Err(FORM),
    }
}

pub(crate) fn int(kind: Kind, binary: bool, cell: &[u8]) -> Read<i64> {
    if !binary {
        return ascii(cell)?.parse().map_err(|_| FORM);
    }
    match kind {
        Kind::Int2 => Ok(i16::from_be_bytes(fixed(cell)?).into()),
        Kind::Int4 => Ok(i32::from_be_bytes(fixed(cell)?).into()),
        Kind::Oid => Ok(u32::from_be_bytes(fixed(cell)?).into()),
        _ => Ok(i64::from_be_bytes(fixed(cell)?)),
    }
}

pub(crate) fn double(kind: Kind, binary: bool, cell: &[u8]) -> Read<f64> {
    // A float4 is read as an f32 and then widened, so that both forms give exactly the same number.
    match (kind, binary) {
        (Kind::Float4, true) => Ok(f32::from_be_bytes(fixed(cell)?).into()),
        (Kind::Float4, false) => ascii(cell)?.parse::<f32>().map(f64::from).map_err(|_| FORM),
        (_, true) => Ok(f64::from_be_bytes(fixed(cell)?)),
        (_, false) => ascii(cell)?.parse().map_err(|_| FORM),
    }
}

pub(crate) fn text(kind: Kind, cell: &[u8]) -> Read<String> {
    let text = str::from_utf8(cell).map_err(|_| NOT_UTF8)?;
    Ok(match kind {
        Kind::Timestamp => times::timestamp(text),
        Kind::Zoned => times::zoned(text),
        Kind::Interval => times::interval(text),
        _ => text.to_owned(),
    })
}

/// The same for a type whose text is not rewritten, without a copy.
pub(crate) fn owned_text(cell: Vec<u8>) -> Read<String> {
    String::from_utf8(cell).map_err(|_| NOT_UTF8)
}

/// The text form of `bytea` is `\x` and hexadecimal digits or, with `bytea_output = escape`, the bytes themselves with
/// `\\` for a backslash and `\ooo` (octal) for bytes that are not printable.
pub(crate) fn bytes(binary: bool, cell: &[u8]) -> Read<Vec<u8>> {
    match (binary, cell.strip_prefix(b"\\x")) {
        (true, _) => Ok(cell.to_vec()),
        (false, Some(digits)) => hexadecimal(digits),
        (false, None) => escaped(cell),
    }
}

fn hexadecimal(digits: &[u8]) -> Read<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let byte = |pair: &[u8; 2]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    if rest.is_empty() { pairs.iter().map(byte).collect::<Option<_>>().ok_or(FORM) } else { Err(FORM) }
}

fn escaped(mut cell: &[u8]) -> Read<Vec<u8>> {
    let mut bytes = Vec::with_capacity(cell.len());
    while let Some((&first, rest)) = cell.split_first() {
        let (byte, after) = match (first, rest) {
            (b'\\', [b'\\', rest @ ..]) => (b'\\', rest),
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), rest)
            }
            (b'\\', _) => return Err(FORM),
            plain => plain,
        };
        bytes.push(byte);
        cell = after;
    }
    Ok(bytes)
}

fn fixed<const N: usize>(cell: &[u8]) -> Read<[u8; N]> {
    cell.try_into().map_err(|_| SIZE)
}

fn ascii(cell: &[u8]) -> Read<&str> {
    str::from_utf8(cell).map_err(|_| FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_number_give_the_same() {
        assert_eq!(int(Kind::Int2, true, &(-7i16).to_be_bytes()), int(Kind::Int2, false, b"-7"));
        assert_eq!(int(Kind::Oid, true, &u32::MAX.to_be_bytes()), int(Kind::Oid, false, b"4294967295"));
        assert_eq!(
            int(Kind::Int8, true, &i64::MIN.to_be_bytes()),
            int(Kind::Int8, false, b"-9223372036854775808")
        );
        assert_eq!(double(Kind::Float4, true, &3.4f32.to_be_bytes()), double(Kind::Float4, false, b"3.4"));
        assert_eq!(double(Kind::Float8, false, b"-Infinity"), Ok(f64::NEG_INFINITY));
        assert!(double(Kind::Float8, false, b"NaN").unwrap().is_nan());
    }

    #[test]
    fn a_value_of_another_size_or_form_is_refused() {
        assert_eq!(int(Kind::Int4, true, b"\0\0\0"), Err(SIZE));
        assert_eq!(bool(true, b""), Err(SIZE));
        assert_eq!(bool(false, b"true"), Err(FORM));
        assert_eq!(int(Kind::Int4, false, b"1x"), Err(FORM));
        assert_eq!(double(Kind::Float8, true, b"1.5"), Err(SIZE));
        assert!(text(Kind::Text, b"\xff").is_err());
    }

    #[test]
    fn bytes_are_read_in_all_their_forms() {
        assert_eq!(bytes(true, b"\\x00"), Ok(b"\\x00".to_vec()));
        assert_eq!(bytes(false, b"\\x00fF7e"), Ok(vec![0, 255, 126]));
        assert_eq!(bytes(false, b"a\\\\b\\377\\000"), Ok(vec![b'a', b'\\', b'b', 255, 0]));
        for bad in [&b"\\x0"[..], b"\\x0g", b"\\", b"\\4", b"\\400"] {
            assert_eq!(bytes(false, bad), Err(FORM), "{bad:?}");
        }
    }
}
