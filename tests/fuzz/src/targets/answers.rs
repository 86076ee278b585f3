//! What a tenant's server answers to statements: any bytes end in a result or an error, the same in whatever pieces
//! they come, within the bounds that were asked for and in memory that grows with the bytes.

use std::time::Duration;

use arbitrary::Arbitrary;
use postern_domain::AccessMode;
use postern_proxy_service::fuzzing::problem;
use postern_tenant::{ColumnValues, RowBatch, SqlError, Statement, Summary, TenantError, fuzzing};
use tokio::time::Instant;
use tonic::Status;

use crate::{Verdict, exec, memory, random, stream::Said};

#[derive(Arbitrary)]
struct Case {
    may_write: bool,
    max_rows: u8,
    max_bytes: u16,
    /// For each statement, what is sent for it.
    answers: Vec<Answer>,
    pieces: Vec<u8>,
}

#[derive(Arbitrary)]
struct Answer {
    /// What comes before the rows, as it should be, for columns of these types.
    opening: Option<Vec<u16>>,
    messages: Vec<Message>,
    /// What comes after the rows, as it should be.
    closing: bool,
}

#[derive(Arbitrary)]
enum Message {
    Row(Vec<Option<Vec<u8>>>),
    /// One value many times.
    SmallRows { count: u8, value: u8 },
    Error { code: [u8; 5], fields: Vec<(u8, Vec<u8>)> },
    Any { tag: u8, body: Vec<u8> },
    /// A header that promises more than there is.
    Head { kind: u8, length: u32, smaller: u8 },
    Bytes(Vec<u8>),
}

/// Runs the same statement several times against the same bytes: at once, and in pieces.
pub fn check(input: &[u8]) -> Verdict {
    let Some(case) = random::structure::<Case>(input) else { return Verdict::Refused };
    let bytes = case.bytes();
    let (whole, peak) = memory::peak_of(|| case.run(&bytes, &[]));
    assert!(peak <= 256 * 1024 + 64 * bytes.len(), "{peak} bytes for {}", bytes.len());
    let in_pieces = case.run(&bytes, &case.pieces);
    assert_eq!(format!("{whole:?}"), format!("{in_pieces:?}"), "pieces change the result");
    for outcome in &whole {
        match outcome {
            Ok(result) => result.is_within(&case),
            Err(error) => can_be_told(error),
        }
    }
    if whole.iter().any(Result::is_ok) { Verdict::Accepted } else { Verdict::Refused }
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    random::seeds()
}

/// What a caller gets of one statement.
#[derive(Debug)]
struct Outcome {
    columns: usize,
    /// Each row on its own: how they are parted into batches depends on when they come.
    rows: Vec<Vec<String>>,
    summary: Summary,
}

impl Case {
    fn mode(&self) -> AccessMode {
        if self.may_write { AccessMode::ReadWrite } else { AccessMode::ReadOnly }
    }

    fn bytes(&self) -> Vec<u8> {
        let answers = self.answers.iter().take(4).enumerate();
        answers.flat_map(|(number, answer)| answer.bytes(self.mode(), number == 0)).collect()
    }

    fn run(&self, bytes: &[u8], pieces: &[u8]) -> Vec<Result<Outcome, TenantError>> {
        exec::block_on(async {
            let mut connection = fuzzing::session(Said::new(bytes.to_vec(), pieces));
            let mut outcomes = Vec::new();
            for _ in 0..4 {
                let statement = Statement {
                    access_mode: self.mode(),
                    max_rows: self.max_rows.into(),
                    max_bytes: self.max_bytes.into(),
                    ..Statement::new("SELECT 1", Instant::now() + Duration::from_mins(1))
                };
                outcomes.push(run(&mut connection, &statement).await);
            }
            outcomes
        })
    }
}

async fn run(
    connection: &mut postern_tenant::PostgresSession,
    statement: &Statement<'_>,
) -> Result<Outcome, TenantError> {
    let mut rows = connection.query(statement).await?;
    let columns = rows.columns().len();
    let mut read = Vec::new();
    while let Some(batch) = rows.next_batch().await? {
        assert!((1..=1000).contains(&batch.rows), "a batch of {} rows", batch.rows);
        read.extend((0..batch.rows).map(|row| cells(&batch, row)));
    }
    let summary = rows.summary().expect("the rows have ended").clone();
    Ok(Outcome { columns, rows: read, summary })
}

fn cells(batch: &RowBatch, row: usize) -> Vec<String> {
    let cell = |column: &postern_tenant::ColumnData| match &column.values {
        _ if column.is_null(row) => "NULL".to_owned(),
        ColumnValues::Bool(values) => values[row].to_string(),
        ColumnValues::Int(values) => values[row].to_string(),
        ColumnValues::Double(values) => values[row].to_bits().to_string(),
        ColumnValues::Text(values) => format!("{:?}", values[row]),
        ColumnValues::Bytes(values) => format!("{:?}", values[row]),
    };
    batch.columns.iter().map(cell).collect()
}

impl Outcome {
    fn is_within(&self, case: &Case) {
        assert_eq!(self.summary.rows, self.rows.len() as u64);
        assert!(self.rows.len() <= case.max_rows.into(), "more rows than asked for");
        assert!(self.rows.iter().all(|row| row.len() == self.columns), "a row of another width");
        // A row takes a count of two bytes, and four for the length of each cell.
        let least = self.rows.len() * (2 + 4 * self.columns);
        assert!(least <= case.max_bytes.into(), "more bytes than asked for");
    }
}

/// The error can be passed on: bounded texts, and an answer whose headers clients take.
fn can_be_told(error: &TenantError) {
    if let TenantError::Sql(error) | TenantError::SignIn(error) = error {
        let SqlError { sqlstate, message, detail, hint, .. } = error.as_ref();
        assert!([message, detail, hint].iter().all(|text| text.len() <= 1024), "a long text");
        assert!(sqlstate.is_empty() || sqlstate.len() == 5 && sqlstate.bytes().all(|b| b.is_ascii_alphanumeric()));
    }
    let response = Status::from(problem(error)).into_http::<()>();
    let bytes: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(bytes <= 16 * 1024, "an answer with {bytes} bytes of headers");
}

impl Answer {
    fn bytes(&self, mode: AccessMode, is_first: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(types) = &self.opening {
            bytes.extend(opening(types, mode, is_first));
        }
        self.messages.iter().for_each(|message| message.write(&mut bytes));
        if self.closing {
            bytes.extend(message(b'C', b"SELECT 1\0"));
            if mode == AccessMode::ReadOnly {
                bytes.extend([message(b'2', b""), message(b'C', b"ROLLBACK\0")].concat());
            }
            bytes.extend(message(b'Z', b"I"));
        }
        bytes
    }
}

/// What a server says before the rows; the first time, the statements around it and the columns are told too.
fn opening(types: &[u16], mode: AccessMode, is_first: bool) -> Vec<u8> {
    let empty = |tags: &[u8]| tags.iter().flat_map(|&tag| message(tag, b"")).collect::<Vec<_>>();
    let mut bytes = Vec::new();
    if mode == AccessMode::ReadOnly {
        bytes.extend(empty(if is_first { b"112" } else { b"2" }));
        bytes.extend(message(b'C', b"BEGIN\0"));
    }
    if is_first {
        let types = &types[..types.len().min(100)];
        let mut columns = u16::try_from(types.len()).expect("100 at most").to_be_bytes().to_vec();
        for oid in types {
            columns.extend([&b"name\0"[..], &[0; 6], &u32::from(*oid).to_be_bytes(), &[0; 8]].concat());
        }
        bytes.extend([empty(b"1"), message(b't', &[0, 0]), message(b'T', &columns)].concat());
    }
    bytes.extend(empty(b"2"));
    bytes
}

/// Kinds of messages with bounds of their own, and one that has the common bound.
const LONG: &[u8] = b"DTtRC";

impl Message {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Row(cells) => bytes.extend(message(b'D', &row(cells))),
            Self::SmallRows { count, value } => {
                let row = message(b'D', &row(&[Some(vec![*value])]));
                bytes.extend(row.repeat((*count).into()));
            }
            Self::Error { code, fields } => {
                let mut body = [&b"C"[..], code, b"\0"].concat();
                for (code, text) in fields {
                    body.extend([&[*code], text.as_slice(), b"\0"].concat());
                }
                body.push(0);
                bytes.extend(message(b'E', &body));
            }
            Self::Any { tag, body } => bytes.extend(message(*tag, body)),
            Self::Head { kind, length, smaller } => {
                bytes.push(LONG[usize::from(*kind) % LONG.len()]);
                bytes.extend((length >> (smaller % 32)).to_be_bytes());
            }
            Self::Bytes(raw) => bytes.extend(raw),
        }
    }
}

fn row(cells: &[Option<Vec<u8>>]) -> Vec<u8> {
    let count = u16::try_from(cells.len()).unwrap_or(u16::MAX);
    let mut body = count.to_be_bytes().to_vec();
    for cell in cells.iter().take(count.into()) {
        let length = cell.as_ref().map_or(-1, |cell| i32::try_from(cell.len()).unwrap_or(i32::MAX));
        body.extend(length.to_be_bytes());
        body.extend(cell.iter().flatten());
    }
    body
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[tag][..], &length.to_be_bytes(), body].concat()
}
