//! What is sent for one statement, all at once, and what must come back for it.
//!
//! ```text
//! Close*                              names that the cache gave up
//! Parse BEGIN, Parse ROLLBACK         once a connection, for read-only statements
//! Bind, Execute BEGIN READ ONLY       read-only statements
//! Parse, Describe                     statements that the server does not know yet
//! Bind, Execute                       the statement
//! Bind, Execute ROLLBACK              read-only statements
//! Sync
//! ```
//!
//! Behind a pooler in transaction mode no name outlives a Sync, so all statements go unnamed there, each parsed right
//! before it is bound.

use std::io;

use bytes::{BufMut, BytesMut};
use postgres_protocol::{IsNull, message::frontend};

use super::names::Names;
use crate::{Column, Param, TenantError};

/// One of the two statements around a read-only one.
struct Control<'a> {
    name: &'a str,
    sql: &'static str,
}

/// One statement's messages.
pub(crate) struct Pipeline<'a> {
    /// Names to close.
    pub close: &'a [String],
    /// Whether the statement is wrapped in a READ ONLY transaction.
    pub read_only: bool,
    /// How the two statements around it are known.
    pub controls: Controls,
    /// The session's names for them.
    pub names: &'a Names,
    /// Text to parse and describe, unless the server knows the statement.
    pub parse: Option<&'a str>,
    /// Name of the statement; empty for the unnamed one.
    pub name: &'a str,
    /// Values of its parameters.
    pub params: &'a [Param],
    /// Columns, where they are known, so that the binary form can be asked for. Unknown: all text.
    pub columns: Option<&'a [Column]>,
    /// Rows after which the server stops.
    pub limit: i32,
}

/// How the statements around a read-only one are known to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controls {
    /// By their names.
    Known,
    /// Not yet: this pipeline parses them under their names.
    New,
    /// Never: they go unnamed.
    Unnamed,
}

impl Pipeline<'_> {
    /// Writes all the messages.
    pub(crate) fn encode(&self, out: &mut BytesMut) -> Result<(), TenantError> {
        let start = out.len();
        let written = self.try_encode(out);
        if written.is_err() {
            out.truncate(start);
        }
        written.map_err(|_| {
            TenantError::InvalidStatement(
                "the statement holds a NUL character, or more than 65535 parameters",
            )
        })
    }

    fn try_encode(&self, out: &mut BytesMut) -> io::Result<()> {
        for name in self.close {
            frontend::close(b'S', name, out)?;
        }
        let begin = Control { name: &self.names.begin, sql: "BEGIN READ ONLY" };
        let rollback = Control { name: &self.names.rollback, sql: "ROLLBACK" };
        if self.read_only {
            if self.controls == Controls::New {
                begin.parse(begin.name, out)?;
                rollback.parse(rollback.name, out)?;
            }
            begin.run(self.controls, out)?;
        }
        if let Some(sql) = self.parse {
            frontend::parse(self.name, sql, [], out)?;
            frontend::describe(b'S', self.name, out)?;
        }
        self.bind(out)?;
        frontend::execute("", self.limit, out)?;
        if self.read_only {
            rollback.run(self.controls, out)?;
        }
        frontend::sync(out);
        Ok(())
    }

    fn bind(&self, out: &mut BytesMut) -> io::Result<()> {
        let formats = self.params.iter().map(|param| i16::from(matches!(param, Param::Bytes(_))));
        let results =
            self.columns.unwrap_or_default().iter().map(|column| i16::from(column.kind().prefers_binary()));
        let value = |param: &Param, out: &mut BytesMut| {
            match param {
                Param::Null => return Ok(IsNull::Yes),
                Param::Text(text) => out.put_slice(text.as_bytes()),
                Param::Bytes(bytes) => out.put_slice(bytes),
            }
            Ok(IsNull::No)
        };
        frontend::bind("", self.name, formats, self.params, value, results, out).map_err(bind_error)
    }
}

impl Control<'_> {
    fn parse(&self, name: &str, out: &mut BytesMut) -> io::Result<()> {
        frontend::parse(name, self.sql, [], out)
    }

    fn run(&self, controls: Controls, out: &mut BytesMut) -> io::Result<()> {
        let name = match controls {
            Controls::Known | Controls::New => self.name,
            Controls::Unnamed => "",
        };
        if name.is_empty() {
            self.parse(name, out)?;
        }
        let nothing = std::iter::empty::<i16>;
        frontend::bind("", name, nothing(), nothing(), |_, _| Ok(IsNull::Yes), nothing(), out)
            .map_err(bind_error)?;
        frontend::execute("", 0, out)
    }
}

fn bind_error(error: frontend::BindError) -> io::Error {
    match error {
        frontend::BindError::Serialization(error) => error,
        frontend::BindError::Conversion(_) => io::ErrorKind::InvalidInput.into(),
    }
}
