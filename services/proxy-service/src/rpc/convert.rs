//! Between messages and the tenant driver's types.

use std::time::Duration;

use postern_rpc::proxy::{
    Batch, Column, ColumnData, Encoding, Header, Timings, Truncation, Value, value::Kind,
};
use postern_tenant::{self as tenant, ColumnValues, Param, RowBatch};

use crate::execution::{self, Failure};

/// A parameter, in the text form that Postgres reads for whatever type the statement asks for.
pub(crate) fn param(value: Value) -> Param {
    match value.kind {
        None => Param::Null,
        Some(Kind::BoolValue(value)) => Param::Text(value.to_string()),
        Some(Kind::IntValue(value)) => Param::Text(value.to_string()),
        Some(Kind::DoubleValue(value)) => Param::Text(double(value)),
        Some(Kind::TextValue(value)) => Param::Text(value),
        Some(Kind::BytesValue(value)) => Param::Bytes(value),
    }
}

/// Rust writes `inf`, Postgres reads `Infinity`; all else is the same in both.
fn double(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    value.to_string()
}

/// The columns of a result.
pub(crate) fn header(columns: &[tenant::Column]) -> Header {
    let column = |column: &tenant::Column| Column {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        type_oid: column.type_oid,
        encoding: encoding(column.encoding).into(),
    };
    Header { columns: columns.iter().map(column).collect() }
}

fn encoding(encoding: tenant::Encoding) -> Encoding {
    match encoding {
        tenant::Encoding::Bool => Encoding::Bool,
        tenant::Encoding::Int => Encoding::Int,
        tenant::Encoding::Double => Encoding::Double,
        tenant::Encoding::Text => Encoding::Text,
        tenant::Encoding::Bytes => Encoding::Bytes,
    }
}

/// Some rows. The values move; none is copied.
pub(crate) fn batch(batch: RowBatch) -> Result<Batch, Failure> {
    let too_many = |_| Failure::Defect("a batch of too many rows".into());
    let row_count = batch.rows.try_into().map_err(too_many)?;
    Ok(Batch { row_count, columns: batch.columns.into_iter().map(column_data).collect() })
}

fn column_data(column: tenant::ColumnData) -> ColumnData {
    let mut data = ColumnData { nulls: column.nulls, ..ColumnData::default() };
    match column.values {
        ColumnValues::Bool(values) => data.bools = values,
        ColumnValues::Int(values) => data.ints = values,
        ColumnValues::Double(values) => data.doubles = values,
        ColumnValues::Text(values) => data.texts = values,
        ColumnValues::Bytes(values) => data.blobs = values,
    }
    data
}

/// Why a result was cut.
pub(crate) fn truncation(truncation: Option<tenant::Truncation>) -> Truncation {
    match truncation {
        None => Truncation::Unspecified,
        Some(tenant::Truncation::RowLimit) => Truncation::RowLimit,
        Some(tenant::Truncation::ByteLimit) => Truncation::ByteLimit,
    }
}

/// Where the time went.
pub(crate) fn timings(timings: &execution::Timings) -> Timings {
    Timings {
        lookup: Some(span(timings.lookup)),
        acquire: Some(span(timings.acquire)),
        first_row: Some(span(timings.first_row)),
        total: Some(span(timings.total)),
    }
}

fn span(span: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    prost_types::Duration { seconds, nanos: span.subsec_nanos().cast_signed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_text_that_postgres_reads_back_exactly() {
        let text = |kind| param(Value { kind: Some(kind) });
        assert_eq!(text(Kind::IntValue(i64::MIN)), Param::Text("-9223372036854775808".into()));
        assert_eq!(text(Kind::DoubleValue(0.1)), Param::Text("0.1".into()));
        assert_eq!(text(Kind::DoubleValue(f64::NEG_INFINITY)), Param::Text("-Infinity".into()));
        assert_eq!(text(Kind::DoubleValue(f64::NAN)), Param::Text("NaN".into()));
        assert_eq!(param(Value { kind: None }), Param::Null);
    }
}
