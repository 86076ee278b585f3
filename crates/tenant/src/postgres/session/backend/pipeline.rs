//! Messages that go out together, and the answers that they are owed.
//!
//! One statement takes one round trip:
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
//!
//! Read-only statements need both ends of that transaction. BEGIN keeps `DO` and `CALL` from ending the transaction and
//! going on in one that may write. ROLLBACK undoes what READ ONLY permits, such as a `set_config` that would lift it
//! for the next statement. No setting of the session replaces either.

use std::{collections::VecDeque, io};

use bytes::{BufMut, BytesMut};
use postgres_protocol::{IsNull, message::frontend};

use crate::{Column, Param, postgres::session::names::Names};

/// An answer of the server to a message of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `CloseComplete`.
    Closed,
    /// `ParseComplete`.
    Parsed,
    /// `ParameterDescription`.
    Parameters,
    /// `RowDescription`, or `NoData`.
    Columns,
    /// `BindComplete`.
    Bound,
    /// `CommandComplete` for BEGIN.
    Begun,
    /// Rows, and what ends them.
    Result,
    /// `CommandComplete` for ROLLBACK.
    RolledBack,
    /// `ReadyForQuery`.
    Ready,
}

/// How the server knows BEGIN READ ONLY and ROLLBACK.
#[derive(Clone, Copy)]
pub(crate) enum Controls<'a> {
    /// By these names.
    Known(&'a Names),
    /// By these names once this pipeline has parsed them.
    New(&'a Names),
    /// Not at all: they are parsed each time.
    Unnamed,
}

impl<'a> Controls<'a> {
    fn names(self) -> Option<&'a Names> {
        match self {
            Self::Known(names) | Self::New(names) => Some(names),
            Self::Unnamed => None,
        }
    }
}

/// How a statement is executed.
pub(crate) struct Execution<'a> {
    /// Name under which it was parsed; empty for the unnamed statement.
    pub name: &'a str,
    /// Values of its parameters.
    pub params: &'a [Param],
    /// Its columns, if they are known: the binary form can only be asked for then. All is text otherwise.
    pub columns: Option<&'a [Column]>,
    /// Rows after which the server stops.
    pub limit: i32,
}

/// A pipeline that is being written. It ends with [`Pipeline::commit`] or [`Pipeline::rollback`].
pub(crate) struct Pipeline<'b> {
    output: &'b mut BytesMut,
    owed: &'b mut VecDeque<Answer>,
}

impl<'b> Pipeline<'b> {
    pub(super) fn new(output: &'b mut BytesMut, owed: &'b mut VecDeque<Answer>) -> Self {
        Self { output, owed }
    }

    /// Closes a named statement.
    pub(crate) fn close(&mut self, name: &str) -> io::Result<()> {
        self.owed.push_back(Answer::Closed);
        frontend::close(b'S', name, self.output)
    }

    /// Begins a transaction that cannot write.
    pub(crate) fn begin_read_only(&mut self, controls: Controls<'_>) -> io::Result<()> {
        if let Controls::New(names) = controls {
            self.parse(&names.begin, BEGIN)?;
            self.parse(&names.rollback, ROLLBACK)?;
        }
        self.control(controls.names().map(|names| names.begin.as_str()), BEGIN, Answer::Begun)
    }

    /// Parses a statement and asks for its columns.
    pub(crate) fn prepare(&mut self, name: &str, sql: &str) -> io::Result<()> {
        self.parse(name, sql)?;
        self.owed.extend([Answer::Parameters, Answer::Columns]);
        frontend::describe(b'S', name, self.output)
    }

    /// Runs a statement.
    pub(crate) fn execute(&mut self, execution: &Execution<'_>) -> io::Result<()> {
        self.owed.extend([Answer::Bound, Answer::Result]);
        let formats = execution.params.iter().map(|param| i16::from(matches!(param, Param::Bytes(_))));
        let columns = execution.columns.unwrap_or_default();
        let write = |param, output: &mut BytesMut| Ok(write_param(param, output));
        let results = columns.iter().map(|column| i16::from(column.kind().prefers_binary()));
        frontend::bind("", execution.name, formats, execution.params, write, results, self.output)
            .map_err(bind_error)?;
        frontend::execute("", execution.limit, self.output)
    }

    /// Ends the pipeline, and commits the implicit transaction in which its statements ran.
    pub(crate) fn commit(&mut self) {
        self.sync();
    }

    /// Undoes what ran since [`Pipeline::begin_read_only`], and ends the pipeline.
    pub(crate) fn rollback(&mut self, controls: Controls<'_>) -> io::Result<()> {
        let name = controls.names().map(|names| names.rollback.as_str());
        self.control(name, ROLLBACK, Answer::RolledBack)?;
        self.sync();
        Ok(())
    }

    fn parse(&mut self, name: &str, sql: &str) -> io::Result<()> {
        self.owed.push_back(Answer::Parsed);
        frontend::parse(name, sql, [], self.output)
    }

    /// Runs a statement without parameters and rows: by its name, or parsed right here.
    fn control(&mut self, name: Option<&str>, sql: &str, completed: Answer) -> io::Result<()> {
        if name.is_none() {
            self.parse("", sql)?;
        }
        self.owed.extend([Answer::Bound, completed]);
        let (name, nothing) = (name.unwrap_or_default(), std::iter::empty::<i16>);
        frontend::bind("", name, nothing(), nothing(), |_, _| Ok(IsNull::Yes), nothing(), self.output)
            .map_err(bind_error)?;
        frontend::execute("", 0, self.output)
    }

    fn sync(&mut self) {
        self.owed.push_back(Answer::Ready);
        frontend::sync(self.output);
    }
}

const BEGIN: &str = "BEGIN READ ONLY";
const ROLLBACK: &str = "ROLLBACK";

impl Answer {
    /// Whether the messages of this answer have this tag.
    pub(super) fn has_tag(self, tag: u8) -> bool {
        match self {
            Self::Closed => tag == b'3',
            Self::Parsed => tag == b'1',
            Self::Parameters => tag == b't',
            Self::Columns => matches!(tag, b'T' | b'n'),
            Self::Bound => tag == b'2',
            Self::Begun | Self::RolledBack => tag == b'C',
            Self::Result => matches!(tag, b'D' | b'C' | b'I' | b's'),
            Self::Ready => tag == b'Z',
        }
    }
}

fn write_param(param: &Param, output: &mut BytesMut) -> IsNull {
    match param {
        Param::Null => return IsNull::Yes,
        Param::Text(text) => output.put_slice(text.as_bytes()),
        Param::Bytes(bytes) => output.put_slice(bytes),
    }
    IsNull::No
}

fn bind_error(error: frontend::BindError) -> io::Error {
    match error {
        frontend::BindError::Serialization(error) => error,
        frontend::BindError::Conversion(_) => io::ErrorKind::InvalidInput.into(),
    }
}
