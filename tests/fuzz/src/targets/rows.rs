//! Rows of any bytes give whole columns or an error, in memory that grows with the bytes.

use arbitrary::Arbitrary;
use postern_tenant::{ColumnData, ColumnValues, RowBatch, TenantError, fuzzing::read_rows};

use crate::{Verdict, memory, random};

#[derive(Arbitrary)]
struct Case {
    columns: Vec<u8>,
    binary: bool,
    rows: Vec<Vec<u8>>,
    /// How often all of them are sent.
    repeat: u8,
}

/// Types that are read in ways of their own, and one that is not.
const TYPE_OIDS: [u32; 14] = [16, 21, 23, 20, 26, 700, 701, 17, 1114, 1184, 1266, 1186, 25, 99_999];

/// Reads the rows twice: with lengths that are made up, and behind a count that fits.
pub fn check(input: &[u8]) -> Verdict {
    let Some(case) = random::structure::<Case>(input) else { return Verdict::Refused };
    let columns = &case.columns[..case.columns.len().min(20)];
    let types: Vec<_> = columns.iter().map(|&column| TYPE_OIDS[usize::from(column) % TYPE_OIDS.len()]).collect();
    let count = u16::try_from(types.len()).expect("20 at most").to_be_bytes();
    let repeated = || case.rows.iter().cycle().take(case.rows.len() * usize::from(case.repeat % 16 + 1));
    let counted: Vec<_> = repeated().map(|row| [&count, row.as_slice()].concat()).collect();
    let verdict = read(&types, case.binary, &counted);
    read(&types, case.binary, &case.rows);
    verdict
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    // Without columns, a row is its count and nothing more.
    let mut seeds = random::seeds();
    seeds.push(vec![0; 64]);
    seeds
}

fn read(types: &[u32], binary: bool, rows: &[Vec<u8>]) -> Verdict {
    let bodies: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
    let sent: usize = rows.iter().map(Vec::len).sum();
    let (batch, bytes) = memory::peak_of(|| read_rows(types, binary, &bodies));
    // The most for one byte: a NULL, four bytes on the wire, is an empty text of 24, in a vector that has just doubled.
    assert!(bytes <= 64 * 1024 + 32 * sent, "{bytes} bytes for {sent}");
    match &batch {
        Ok(Some(batch)) => {
            is_whole(batch, types, rows.len());
            rows.iter().enumerate().for_each(|(row, body)| has_the_nulls_of(body, batch, row));
        }
        Ok(None) => assert!(rows.is_empty()),
        Err(error) => assert!(matches!(error, TenantError::Protocol(_)), "{error}"),
    }
    Verdict::of(&batch)
}

/// NULL is where the length says so.
fn has_the_nulls_of(body: &[u8], batch: &RowBatch, row: usize) {
    let mut rest = &body[2..];
    for column in &batch.columns {
        let (length, cell) = rest.split_first_chunk().expect("it was accepted");
        let length = i32::from_be_bytes(*length);
        assert_eq!(column.is_null(row), length == -1, "row {row}");
        rest = &cell[usize::try_from(length).unwrap_or_default()..];
    }
}

/// As many columns as there are types, and in each as many values as there are rows.
pub fn is_whole(batch: &RowBatch, types: &[u32], rows: usize) {
    assert_eq!((batch.rows, batch.columns.len()), (rows, types.len()));
    for (column, oid) in batch.columns.iter().zip(types) {
        let length = match (&column.values, oid) {
            (ColumnValues::Bool(values), 16) => values.len(),
            (ColumnValues::Int(values), 20 | 21 | 23 | 26) => values.len(),
            (ColumnValues::Double(values), 700 | 701) => values.len(),
            (ColumnValues::Bytes(values), 17) => values.len(),
            (ColumnValues::Text(values), oid) if ![16, 17, 20, 21, 23, 26, 700, 701].contains(oid) => values.len(),
            _ => panic!("values of another kind than the column's, {oid}"),
        };
        assert_eq!(length, rows);
        has_its_nulls(column, rows);
    }
}

fn has_its_nulls(column: &ColumnData, rows: usize) {
    assert!(column.nulls.is_empty() || column.nulls.len() == rows.div_ceil(8), "{} bytes of nulls", column.nulls.len());
    let past_the_end = (rows..column.nulls.len() * 8).any(|row| column.is_null(row));
    assert!(!past_the_end, "a NULL behind the last row");
    for row in (0..rows).filter(|&row| column.is_null(row)) {
        let is_zero = match &column.values {
            ColumnValues::Bool(values) => !values[row],
            ColumnValues::Int(values) => values[row] == 0,
            ColumnValues::Double(values) => values[row].to_bits() == 0,
            ColumnValues::Text(values) => values[row].is_empty(),
            ColumnValues::Bytes(values) => values[row].is_empty(),
        };
        assert!(is_zero, "the value of a NULL");
    }
}
