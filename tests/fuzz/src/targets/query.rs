//! A query that is accepted is within its bounds, and its parameters say what was sent.

use std::time::Duration;

use postern_domain::{AccessMode, limits::SQL_BYTES};
use postern_proxy_service::fuzzing::plan;
use postern_rpc::proxy::{QueryRequest, Value, value::Kind};
use postern_tenant::{Param, fuzzing::is_harmless};
use prost::Message;
use tonic::Status;

use crate::Verdict;

/// Decodes and converts.
pub fn check(input: &[u8]) -> Verdict {
    let Ok(request) = QueryRequest::decode(input) else { return Verdict::Refused };
    let planned = plan(request.clone());
    match &planned {
        Ok(planned) => {
            assert!(!planned.sql.contains('\0') && (1..=SQL_BYTES).contains(&planned.sql.len()));
            assert!((1..=10_000_000).contains(&planned.max_rows), "{} rows", planned.max_rows);
            assert!(request.max_rows == 0 || u64::try_from(request.max_rows) == Ok(planned.max_rows));
            assert!(!planned.timeout.is_zero() && planned.timeout <= Duration::from_mins(5), "{:?}", planned.timeout);
            assert_eq!(request.parameters.len(), planned.params.len());
            for (sent, param) in request.parameters.iter().zip(&planned.params) {
                says(sent, param);
            }
            // Whatever it is, it is judged without a panic.
            is_harmless(&planned.sql, AccessMode::ReadWrite);
        }
        Err(problem) => drop(Status::from(problem.clone())),
    }
    Verdict::of(&planned)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let value = |kind| Value { kind: Some(kind) };
    let parameters = vec![
        Value { kind: None },
        value(Kind::BoolValue(true)),
        value(Kind::IntValue(i64::MIN)),
        value(Kind::DoubleValue(f64::NEG_INFINITY)),
        value(Kind::DoubleValue(5e-324)),
        value(Kind::TextValue("naïve".into())),
        value(Kind::BytesValue(vec![0, 255])),
    ];
    let request = |sql: &str, max_rows, seconds| QueryRequest {
        connection: "demo".into(),
        sql: sql.into(),
        parameters: parameters.clone(),
        max_rows,
        timeout: Some(prost_types::Duration { seconds, nanos: 1 }),
    };
    [request("SELECT $1", 0, 0), request("SELECT 1", 10_000_000, 299), request(" ", -1, -1), request("\0", i64::MAX, i64::MAX)]
        .map(|request| request.encode_to_vec())
        .into()
}

/// The text that Postgres gets is read back to what was sent.
fn says(sent: &Value, param: &Param) {
    match (&sent.kind, param) {
        (None, Param::Null) => {}
        (Some(Kind::BoolValue(sent)), Param::Text(text)) => assert_eq!(text, if *sent { "true" } else { "false" }),
        (Some(Kind::IntValue(sent)), Param::Text(text)) => assert_eq!(text.parse(), Ok(*sent)),
        (Some(Kind::DoubleValue(sent)), Param::Text(text)) => {
            let read: f64 = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(!text.contains("inf"), "Postgres spells it Infinity");
            assert!(read.to_bits() == sent.to_bits() || (read.is_nan() && sent.is_nan()), "{sent} became {text}");
        }
        (Some(Kind::TextValue(sent)), Param::Text(text)) => assert_eq!(sent, text),
        (Some(Kind::BytesValue(sent)), Param::Bytes(bytes)) => assert_eq!(sent, bytes),
        _ => panic!("a parameter of another kind"),
    }
}
