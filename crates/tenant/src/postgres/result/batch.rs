//! Turning rows as they come into columns as they leave.

use super::{
    cell,
    column::{Column, Encoding, Kind},
};
use crate::TenantError;

/// Some rows, column by column.
#[derive(Clone, Debug, PartialEq)]
pub struct RowBatch {
    /// Number of rows, at least 1.
    pub rows: usize,
    /// One for each column of the result.
    pub columns: Vec<ColumnData>,
    /// Bytes of the rows, as the server sent them.
    pub bytes: usize,
    /// Bytes of memory that the rows take, give or take the spare room of vectors.
    pub memory: usize,
}

/// One column of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnData {
    /// Bit i % 8 (least significant first) of byte i / 8 is set where row i is NULL; empty if no row is.
    pub nulls: Vec<u8>,
    /// One value for each row; that of a NULL is the type's zero.
    pub values: ColumnValues,
}

/// The values of a column. The [`Encoding`] of a result's column never changes.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// For [`Encoding::Bool`].
    Bool(Vec<bool>),
    /// For [`Encoding::Int`].
    Int(Vec<i64>),
    /// For [`Encoding::Double`].
    Double(Vec<f64>),
    /// For [`Encoding::Text`].
    Text(Vec<String>),
    /// For [`Encoding::Bytes`].
    Bytes(Vec<Vec<u8>>),
}

/// Most rows of a batch.
const ROWS: usize = 1000;
/// Bytes of rows after which a batch is full.
const BYTES: usize = 64 * 1024;

/// Bytes of memory after which a batch is full. Cells take memory that they don't take on the wire: a NULL in a text
/// column is 4 bytes there, and 24 here.
const MEMORY: usize = 256 * 1024;

/// Collects rows until there are enough for a batch.
pub(crate) struct BatchBuilder {
    kinds: Vec<(Kind, bool)>,
    columns: Vec<ColumnData>,
    rows: usize,
    /// As the server sent them.
    bytes: usize,
    /// Bytes of memory that the cells of one row take, whatever is in them.
    row_slots: usize,
}

impl BatchBuilder {
    /// For a result with these columns, in binary form where that is preferred, or all in text form.
    pub(crate) fn new(columns: &[Column], binary: bool) -> Self {
        let kinds: Vec<_> = columns.iter().map(|c| (c.kind(), binary && c.kind().prefers_binary())).collect();
        let columns = empty(&kinds, 0);
        let row_slots = kinds.iter().map(|(kind, _)| slot(*kind)).sum();
        Self { kinds, columns, rows: 0, bytes: 0, row_slots }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES || self.memory() >= MEMORY
    }

    /// Bytes of memory that the collected rows take, give or take the spare room of vectors.
    pub(crate) fn memory(&self) -> usize {
        self.rows * self.row_slots + self.bytes
    }

    /// Adds a `DataRow`: a count, then for each column a length (-1 for NULL) and as many bytes.
    pub(crate) fn push(&mut self, body: &[u8]) -> Result<(), TenantError> {
        self.bytes += body.len();
        self.push_cells(body).map_err(TenantError::Protocol)?;
        self.rows += 1;
        Ok(())
    }

    /// Takes the rows collected so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let memory = self.memory();
        let (rows, bytes) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.bytes));
        if rows == 0 {
            return None;
        }
        // The next batch of a long result is most likely as long as this one.
        let mut columns =
            std::mem::replace(&mut self.columns, empty(&self.kinds, if rows < 8 { 0 } else { rows }));
        for column in &mut columns {
            if !column.nulls.is_empty() {
                column.nulls.resize(rows.div_ceil(8), 0);
            }
        }
        Some(RowBatch { rows, columns, bytes, memory })
    }

    fn push_cells(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let (count, mut rest) = body.split_first_chunk().ok_or(SHORT)?;
        if usize::from(u16::from_be_bytes(*count)) != self.columns.len() {
            return Err("a row with another number of fields than announced");
        }
        for (column, &(kind, binary)) in self.columns.iter_mut().zip(&self.kinds) {
            let (length, after) = rest.split_first_chunk().ok_or(SHORT)?;
            rest = after;
            match i32::from_be_bytes(*length) {
                -1 => column.push_null(self.rows),
                length => {
                    let length = usize::try_from(length).map_err(|_| "a field with a negative length")?;
                    let (cell, after) = rest.split_at_checked(length).ok_or(SHORT)?;
                    rest = after;
                    column.push(kind, binary, cell)?;
                }
            }
        }
        if rest.is_empty() { Ok(()) } else { Err("a row longer than its fields") }
    }
}

const SHORT: &str = "a row shorter than its fields";

/// Bytes of one value in its column, without what it points to.
fn slot(kind: Kind) -> usize {
    match kind.encoding() {
        Encoding::Bool => size_of::<bool>(),
        Encoding::Int => size_of::<i64>(),
        Encoding::Double => size_of::<f64>(),
        Encoding::Text => size_of::<String>(),
        Encoding::Bytes => size_of::<Vec<u8>>(),
    }
}

fn empty(kinds: &[(Kind, bool)], rows: usize) -> Vec<ColumnData> {
    let column =
        |&(kind, _): &(Kind, bool)| ColumnData { nulls: Vec::new(), values: ColumnValues::new(kind, rows) };
    kinds.iter().map(column).collect()
}

impl ColumnData {
    fn push(&mut self, kind: Kind, binary: bool, cell: &[u8]) -> Result<(), &'static str> {
        match &mut self.values {
            ColumnValues::Bool(values) => values.push(cell::bool(binary, cell)?),
            ColumnValues::Int(values) => values.push(cell::int(kind, binary, cell)?),
            ColumnValues::Double(values) => values.push(cell::double(kind, binary, cell)?),
            ColumnValues::Text(values) => values.push(cell::text(kind, cell)?),
            ColumnValues::Bytes(values) => values.push(cell::bytes(binary, cell)?),
        }
        Ok(())
    }

    fn push_null(&mut self, row: usize) {
        match &mut self.values {
            ColumnValues::Bool(values) => values.push(false),
            ColumnValues::Int(values) => values.push(0),
            ColumnValues::Double(values) => values.push(0.0),
            ColumnValues::Text(values) => values.push(String::new()),
            ColumnValues::Bytes(values) => values.push(Vec::new()),
        }
        if self.nulls.len() <= row / 8 {
            self.nulls.resize(row / 8 + 1, 0);
        }
        self.nulls[row / 8] |= 1 << (row % 8);
    }

    /// Whether this row is NULL.
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.get(row / 8).is_some_and(|bits| bits >> (row % 8) & 1 == 1)
    }
}

impl ColumnValues {
    fn new(kind: Kind, rows: usize) -> Self {
        match kind.encoding() {
            Encoding::Bool => Self::Bool(Vec::with_capacity(rows)),
            Encoding::Int => Self::Int(Vec::with_capacity(rows)),
            Encoding::Double => Self::Double(Vec::with_capacity(rows)),
            Encoding::Text => Self::Text(Vec::with_capacity(rows)),
            Encoding::Bytes => Self::Bytes(Vec::with_capacity(rows)),
        }
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
