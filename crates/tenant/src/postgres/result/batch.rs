//! Turns the rows of a result into columns.

use std::{mem, ops::Range};

use bytes::{Buf, BytesMut};

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
    /// One value for each row; the zero of its type where the row is NULL.
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

/// Bytes of memory after which a batch is full. Some cells take more memory than they take on the wire: a NULL in a
/// text column takes 4 bytes there and 24 here.
const MEMORY: usize = 256 * 1024;

/// Collects rows until there are enough for a batch.
pub(crate) struct BatchBuilder {
    /// For each column, what it holds, and whether its cells come in binary form.
    kinds: Vec<(Kind, bool)>,
    /// Empty until the first row of a batch.
    columns: Vec<ColumnData>,
    rows: usize,
    /// Bytes of the rows, as the server sent them.
    bytes: usize,
    /// Bytes of memory that the cells of one row take, not counting what they point to.
    row_slots: usize,
    /// Rows to allocate for: the next batch of a long result is most likely as long as the last one.
    expected_rows: usize,
}

impl BatchBuilder {
    /// For a result with these columns, in binary form where that is preferred, or all in text form.
    pub(crate) fn new(columns: &[Column], binary: bool) -> Self {
        let kinds: Vec<_> = columns.iter().map(|c| (c.kind(), binary && c.kind().prefers_binary())).collect();
        let row_slots = kinds.iter().map(|(kind, _)| slot(*kind)).sum();
        Self { kinds, columns: Vec::new(), rows: 0, bytes: 0, row_slots, expected_rows: 0 }
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
        self.begin_row(body.len());
        self.push_cells(body, None).map_err(TenantError::Protocol)
    }

    /// The same for a long row. If one cell is most of it, that cell is not copied: its value takes over the row's
    /// buffer.
    pub(crate) fn push_long(&mut self, mut body: BytesMut) -> Result<(), TenantError> {
        let Some((column, cell)) = self.main_cell(&body) else { return self.push(&body) };
        self.begin_row(body.len());
        self.push_cells(&body, Some(column)).map_err(TenantError::Protocol)?;
        body.truncate(cell.end);
        body.advance(cell.start);
        // Moves the cell to the start of its buffer.
        self.columns[column].push_owned(Vec::from(body)).map_err(TenantError::Protocol)
    }

    /// Takes the rows collected so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        if self.is_empty() {
            return None;
        }
        self.expected_rows = if self.is_full() { self.rows } else { 0 };
        let memory = self.memory();
        let (rows, bytes) = (mem::take(&mut self.rows), mem::take(&mut self.bytes));
        let mut columns = mem::take(&mut self.columns);
        for column in &mut columns {
            if !column.nulls.is_empty() {
                column.nulls.resize(rows.div_ceil(8), 0);
            }
        }
        Some(RowBatch { rows, columns, bytes, memory })
    }

    fn begin_row(&mut self, bytes: usize) {
        if self.is_empty() {
            self.columns =
                self.kinds.iter().map(|(kind, _)| ColumnData::new(*kind, self.expected_rows)).collect();
        }
        self.rows += 1;
        self.bytes += bytes;
    }

    /// The cell that is more than half of a row, and its column, if the column holds the cell's bytes as they are.
    fn main_cell(&self, body: &[u8]) -> Option<(usize, Range<usize>)> {
        let mut cells = Cells::new(body, self.kinds.len()).ok()?;
        for (column, kind) in self.kinds.iter().enumerate() {
            let length = cells.next().ok()?.map_or(0, <[u8]>::len);
            if length > body.len() / 2 {
                let end = body.len() - cells.rest.len();
                let is_verbatim = matches!(kind, (Kind::Text, _) | (Kind::Bytes, true));
                return is_verbatim.then_some((column, end - length..end));
            }
        }
        None
    }

    /// Adds the cells of a row to their columns, except the one of the column `apart`.
    fn push_cells(&mut self, body: &[u8], apart: Option<usize>) -> Result<(), &'static str> {
        let mut cells = Cells::new(body, self.kinds.len())?;
        let row = self.rows - 1;
        for (index, (column, &(kind, binary))) in self.columns.iter_mut().zip(&self.kinds).enumerate() {
            match cells.next()? {
                _ if apart == Some(index) => {}
                None => column.push_null(row),
                Some(cell) => column.push(kind, binary, cell)?,
            }
        }
        if cells.rest.is_empty() { Ok(()) } else { Err("a row longer than its fields") }
    }
}

/// Reads the cells of a `DataRow` one by one.
struct Cells<'a> {
    rest: &'a [u8],
}

impl<'a> Cells<'a> {
    fn new(body: &'a [u8], expected: usize) -> Result<Self, &'static str> {
        let (count, rest) = body.split_first_chunk().ok_or(SHORT)?;
        if usize::from(u16::from_be_bytes(*count)) != expected {
            return Err("a row with another number of fields than announced");
        }
        Ok(Self { rest })
    }

    /// The next cell; `None` for NULL.
    fn next(&mut self) -> Result<Option<&'a [u8]>, &'static str> {
        let (length, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        let length = i32::from_be_bytes(*length);
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| "a field with a negative length")?;
        let (cell, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(Some(cell))
    }
}

const SHORT: &str = "a row shorter than its fields";

/// Bytes of one value in its column, not counting what it points to.
fn slot(kind: Kind) -> usize {
    match kind.encoding() {
        Encoding::Bool => size_of::<bool>(),
        Encoding::Int => size_of::<i64>(),
        Encoding::Double => size_of::<f64>(),
        Encoding::Text => size_of::<String>(),
        Encoding::Bytes => size_of::<Vec<u8>>(),
    }
}

impl ColumnData {
    /// No values yet, but room for this many.
    fn new(kind: Kind, rows: usize) -> Self {
        Self { nulls: Vec::new(), values: ColumnValues::new(kind, rows) }
    }

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

    /// Adds a value whose bytes are the cell's.
    fn push_owned(&mut self, cell: Vec<u8>) -> Result<(), &'static str> {
        match &mut self.values {
            ColumnValues::Text(values) => values.push(cell::owned_text(cell)?),
            ColumnValues::Bytes(values) => values.push(cell),
            _ => return Err("a value that is not of its type's form"),
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
