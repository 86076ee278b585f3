//! Bounded readers for the bodies of backend messages.

use crate::{Column, SqlError, TenantError};

/// Most columns of a result: Postgres' own bound on a target list.
const COLUMNS: usize = 1664;
/// Longest text kept from an `ErrorResponse`, in bytes. An error's three texts are sent in the headers of one answer,
/// some of them twice and with three bytes for one, and many clients accept at most 16 KiB of headers.
const ERROR_TEXT: usize = 1024;
/// Ends a text that was cut.
const ELLIPSIS: &str = "…";

/// Reads a body from its start, and never past its end.
pub(crate) struct Reader<'a>(&'a [u8]);

const SHORT: TenantError = TenantError::Protocol("a message shorter than its content");

impl<'a> Reader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], TenantError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, TenantError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, TenantError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, TenantError> {
        self.u32().map(u32::cast_signed)
    }

    /// Bytes up to a NUL, which is consumed.
    pub(crate) fn text(&mut self) -> Result<&'a [u8], TenantError> {
        let end = self.0.iter().position(|&b| b == 0).ok_or(SHORT)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Ok(text)
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn end(&self) -> Result<(), TenantError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(TenantError::Protocol("a message longer than its content"))
        }
    }
}

/// Reads a `RowDescription`: a count, then per column its name, table (4 bytes), attribute (2), type (4), type length
/// (2), type modifier (4) and format (2).
pub(crate) fn columns(body: &[u8]) -> Result<Vec<Column>, TenantError> {
    let mut reader = Reader::new(body);
    let count = usize::from(reader.u16()?);
    if count > COLUMNS {
        return Err(TenantError::Protocol("more columns than Postgres has"));
    }
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = str::from_utf8(reader.text()?).map_err(|_| NOT_UTF8)?;
        reader.bytes(6)?;
        let oid = reader.u32()?;
        reader.bytes(8)?;
        columns.push(Column::new(name, oid));
    }
    reader.end()?;
    Ok(columns)
}

/// Text that is not UTF-8, although `client_encoding` is.
pub(crate) const NOT_UTF8: TenantError = TenantError::Protocol("text that is not UTF-8");

/// Reads an `ErrorResponse`: fields of a code and a text, then a NUL. Before the sign-in is complete, texts may be in
/// any encoding, so bytes that are not UTF-8 are replaced.
pub(crate) fn sql_error(body: &[u8]) -> Result<SqlError, TenantError> {
    let mut reader = Reader::new(body);
    let mut error = SqlError::default();
    loop {
        let code = reader.bytes(1)?[0];
        if code == 0 {
            return Ok(error);
        }
        let text = reader.text()?;
        match code {
            b'C' => error.sqlstate = sqlstate(text)?,
            b'M' => error.message = bounded(text),
            b'D' => error.detail = bounded(text),
            b'H' => error.hint = bounded(text),
            b'P' => error.position = str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(0),
            _ => {}
        }
    }
}

fn sqlstate(text: &[u8]) -> Result<String, TenantError> {
    let well_formed = text.len() == 5 && text.iter().all(u8::is_ascii_alphanumeric);
    if well_formed {
        Ok(String::from_utf8_lossy(text).into_owned())
    } else {
        Err(TenantError::Protocol("an error without an SQLSTATE"))
    }
}

fn bounded(text: &[u8]) -> String {
    // A little more than is kept, because a character may extend past the bound.
    let mut bounded = String::from_utf8_lossy(&text[..text.len().min(ERROR_TEXT + 4)]).into_owned();
    if bounded.len() > ERROR_TEXT {
        bounded.truncate(bounded.floor_char_boundary(ERROR_TEXT - ELLIPSIS.len()));
        bounded.push_str(ELLIPSIS);
    }
    bounded
}

/// Reads a `CommandComplete`: the command's tag, such as "SELECT 3".
pub(crate) fn command_tag(body: &[u8]) -> Result<&str, TenantError> {
    let mut reader = Reader::new(body);
    let tag = reader.text()?;
    reader.end()?;
    str::from_utf8(tag).map_err(|_| NOT_UTF8)
}

/// Whether a transaction is open, as `ReadyForQuery` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// `I`.
    None,
    /// `T`, or `E` when it failed.
    Open,
}

/// Reads a `ReadyForQuery`.
pub(crate) fn transaction(body: &[u8]) -> Result<Transaction, TenantError> {
    match body {
        b"I" => Ok(Transaction::None),
        b"T" | b"E" => Ok(Transaction::Open),
        _ => Err(TenantError::Protocol("an unknown transaction state")),
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
