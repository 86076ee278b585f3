//! A value comes out as it was, whether it was sent in Postgres' text form or in its binary form.

use std::fmt::Write;

use arbitrary::Arbitrary;
use postern_tenant::{ColumnValues, RowBatch, fuzzing::read_rows};

use crate::{Verdict, random, targets::rows};

#[derive(Arbitrary)]
enum Value {
    Null,
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Oid(u32),
    Float4(f32),
    Float8(f64),
    Bytes(Vec<u8>),
    /// The same, with `bytea_output = escape`.
    Escaped(Vec<u8>),
    Text(String),
    Interval { months: i32, days: i32, micros: i32 },
}

/// Writes the values as a server does, and reads them.
pub fn check(input: &[u8]) -> Verdict {
    let Some(values) = random::structure::<Vec<Value>>(input) else { return Verdict::Refused };
    let values = &values[..values.len().min(100)];
    let types: Vec<_> = values.iter().map(Value::type_oid).collect();
    for binary in [false, true] {
        let body = row(values, binary);
        let batch = read_rows(&types, binary, &[&body]).unwrap_or_else(|error| panic!("{error}"));
        let batch = batch.expect("there is a row");
        rows::is_whole(&batch, &types, 1);
        for (index, value) in values.iter().enumerate() {
            came_through(value, &batch, index);
        }
    }
    if values.is_empty() { Verdict::Refused } else { Verdict::Accepted }
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    random::seeds()
}

fn row(values: &[Value], binary: bool) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).expect("100 at most").to_be_bytes().to_vec();
    for value in values {
        let cell = if binary { value.binary() } else { value.text().map(String::into_bytes) };
        let length = cell.as_ref().map_or(-1, |cell| i32::try_from(cell.len()).expect("a short cell"));
        body.extend(length.to_be_bytes());
        body.extend(cell.unwrap_or_default());
    }
    body
}

fn came_through(value: &Value, batch: &RowBatch, index: usize) {
    let column = &batch.columns[index];
    assert_eq!(column.is_null(0), matches!(value, Value::Null));
    match (value, &column.values) {
        (Value::Bool(sent), ColumnValues::Bool(read)) => assert_eq!(read, &[*sent]),
        (Value::Int2(sent), ColumnValues::Int(read)) => assert_eq!(read, &[i64::from(*sent)]),
        (Value::Int4(sent), ColumnValues::Int(read)) => assert_eq!(read, &[i64::from(*sent)]),
        (Value::Int8(sent), ColumnValues::Int(read)) => assert_eq!(read, &[*sent]),
        (Value::Oid(sent), ColumnValues::Int(read)) => assert_eq!(read, &[i64::from(*sent)]),
        (Value::Float4(sent), ColumnValues::Double(read)) => is_same(f64::from(*sent), read[0]),
        (Value::Float8(sent), ColumnValues::Double(read)) => is_same(*sent, read[0]),
        (Value::Bytes(sent) | Value::Escaped(sent), ColumnValues::Bytes(read)) => assert_eq!(&read[0], sent),
        (Value::Text(sent), ColumnValues::Text(read)) => assert_eq!(&read[0], sent),
        (Value::Interval { months, days, micros }, ColumnValues::Text(read)) => {
            assert_eq!(parts(&read[0]), Some((i64::from(*months), i64::from(*days), i64::from(*micros))), "{read:?}");
        }
        (Value::Null, _) => {}
        (_, other) => panic!("values of another kind: {other:?}"),
    }
}

fn is_same(sent: f64, read: f64) {
    assert!(sent.to_bits() == read.to_bits() || (sent.is_nan() && read.is_nan()), "{sent} became {read}");
}

impl Value {
    fn type_oid(&self) -> u32 {
        match self {
            Self::Bool(_) => 16,
            Self::Bytes(_) | Self::Escaped(_) => 17,
            Self::Int8(_) => 20,
            Self::Int2(_) => 21,
            Self::Int4(_) => 23,
            Self::Null | Self::Text(_) => 25,
            Self::Oid(_) => 26,
            Self::Float4(_) => 700,
            Self::Float8(_) => 701,
            Self::Interval { .. } => 1186,
        }
    }

    /// As `typsend` writes it, for types whose binary form is asked for; others are text all the same.
    fn binary(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bool(value) => Some(vec![u8::from(*value)]),
            Self::Int2(value) => Some(value.to_be_bytes().into()),
            Self::Int4(value) => Some(value.to_be_bytes().into()),
            Self::Int8(value) => Some(value.to_be_bytes().into()),
            Self::Oid(value) => Some(value.to_be_bytes().into()),
            Self::Float4(value) => Some(value.to_be_bytes().into()),
            Self::Float8(value) => Some(value.to_be_bytes().into()),
            Self::Bytes(value) | Self::Escaped(value) => Some(value.clone()),
            Self::Null | Self::Text(_) | Self::Interval { .. } => self.text().map(String::into_bytes),
        }
    }

    /// As `typoutput` writes it.
    fn text(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
            Self::Int2(value) => value.to_string(),
            Self::Int4(value) => value.to_string(),
            Self::Int8(value) => value.to_string(),
            Self::Oid(value) => value.to_string(),
            Self::Float4(value) if value.is_infinite() => infinity(value.is_sign_positive()),
            Self::Float4(value) => format!("{value:e}"),
            Self::Float8(value) if value.is_infinite() => infinity(value.is_sign_positive()),
            Self::Float8(value) => format!("{value:e}"),
            Self::Bytes(value) => value.iter().fold("\\x".to_owned(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            }),
            Self::Escaped(value) => escaped(value),
            Self::Text(value) => value.clone(),
            Self::Interval { months, days, micros } => interval(*months, *days, *micros),
        })
    }
}

fn infinity(positive: bool) -> String {
    if positive { "Infinity" } else { "-Infinity" }.to_owned()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => {
                let _ = write!(text, "\\{other:03o}");
            }
        }
        text
    })
}

/// `IntervalStyle = postgres`: parts that are zero are left out, but for the time where it is all there is. After a
/// negative part, a positive one has a plus.
fn interval(months: i32, days: i32, micros: i32) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut was_negative = false;
    for (number, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if number != 0 {
            let plus = if was_negative && number > 0 { "+" } else { "" };
            let plural = if number == 1 { "" } else { "s" };
            parts.push(format!("{plus}{number} {unit}{plural}"));
            was_negative = number < 0;
        }
    }
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else if was_negative { "+" } else { "" };
        let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}").trim_end_matches('0').to_owned() };
        parts.push(format!("{sign}{:02}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    }
    parts.join(" ")
}

/// Months, days and microseconds of an ISO 8601 duration.
fn parts(iso: &str) -> Option<(i64, i64, i64)> {
    let (date, time) = iso.strip_prefix('P')?.split_once('T').unwrap_or((iso.strip_prefix('P')?, ""));
    let (mut months, mut days, mut micros) = (0, 0, 0.0);
    for (number, unit) in numbers(date)? {
        match unit {
            'Y' => months += whole(number)? * 12,
            'M' => months += whole(number)?,
            'D' => days += whole(number)?,
            _ => return None,
        }
    }
    for (number, unit) in numbers(time)? {
        let number: f64 = number.parse().ok()?;
        micros += 1_000_000.0 * match unit {
            'H' => number * 3600.0,
            'M' => number * 60.0,
            'S' => number,
            _ => return None,
        };
    }
    Some((months, days, whole(&format!("{micros:.0}"))?))
}

fn whole(number: &str) -> Option<i64> {
    number.parse().ok()
}

/// Numbers, each with the letter after it.
fn numbers(text: &str) -> Option<Vec<(&str, char)>> {
    let ends: Vec<_> = text.char_indices().filter(|(_, c)| c.is_ascii_uppercase()).collect();
    let mut start = 0;
    let mut found = Vec::new();
    for (end, unit) in ends {
        found.push((text.get(start..end)?, unit));
        start = end + 1;
    }
    (start == text.len()).then_some(found)
}
