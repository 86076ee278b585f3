//! Values as SQL literals, for statements without parameters. Bytes and texts go as hexadecimal digits: no character of
//! a value reaches SQL, so that none needs escaping.

use std::fmt::Write;

use uuid::Uuid;

/// A UUID: hexadecimal digits and dashes.
pub(crate) fn uuid(value: &Uuid) -> String {
    format!("'{value}'::uuid")
}

/// A `bytea`.
pub(crate) fn bytes(value: &[u8]) -> String {
    format!("'\\x{}'::bytea", hex(value))
}

/// A `text`.
pub(crate) fn text(value: &str) -> String {
    format!("convert_from({}, 'UTF8')", bytes(value.as_bytes()))
}

/// A literal, or `null`.
pub(crate) fn optional<T: ?Sized>(value: Option<&T>, literal: impl Fn(&T) -> String) -> String {
    value.map_or_else(|| "null".to_owned(), literal)
}

/// An array of literals. `element` is the type's name.
pub(crate) fn array(element: &'static str, literals: impl Iterator<Item = String>) -> String {
    format!("array[{}]::{element}[]", literals.collect::<Vec<_>>().join(", "))
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("a String takes what is written to it");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_a_value_reaches_sql() {
        assert_eq!(text("a'); drop --\\"), "convert_from('\\x6127293b2064726f70202d2d5c'::bytea, 'UTF8')");
        assert_eq!(bytes(&[0, 255]), "'\\x00ff'::bytea");
    }

    #[test]
    fn an_array_has_a_type_and_may_have_gaps() {
        let values = [Some("a"), None];
        let written = array("text", values.iter().map(|value| optional(*value, text)));
        assert_eq!(written, "array[convert_from('\\x61'::bytea, 'UTF8'), null]::text[]");
        assert_eq!(array("text", std::iter::empty()), "array[]::text[]");
    }
}
