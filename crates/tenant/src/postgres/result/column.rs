//! A column of a result, and how its values are read.

use postgres_types::Type;

/// One column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name as Postgres reports it. Several columns may have the same name.
    pub name: String,
    /// Name of its Postgres type, such as "int8"; the type's OID if the type is not built in.
    pub type_name: String,
    /// OID of its Postgres type.
    pub type_oid: u32,
    /// The variant of [`crate::ColumnValues`] that holds its values.
    pub encoding: Encoding,
}

/// Kinds of values. See [`crate::ColumnValues`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `bool`.
    Bool,
    /// `int2`, `int4`, `int8` and `oid`, exact.
    Int,
    /// `float4` and `float8`.
    Double,
    /// Everything else: dates and times as ISO 8601, the rest in Postgres' own text form.
    Text,
    /// `bytea`.
    Bytes,
}

impl Column {
    pub(crate) fn new(name: &str, type_oid: u32) -> Self {
        let builtin = Type::from_oid(type_oid);
        let type_name = builtin.map_or_else(|| type_oid.to_string(), |t| t.name().to_owned());
        Self { name: name.to_owned(), type_name, type_oid, encoding: Kind::of(type_oid).encoding() }
    }

    pub(crate) fn kind(&self) -> Kind {
        Kind::of(self.type_oid)
    }
}

/// How a cell is read, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Bytes,
    /// `timestamp`.
    Timestamp,
    /// `timestamptz`, `timetz`: an offset at the end.
    Zoned,
    Interval,
    Text,
}

impl Kind {
    pub(crate) fn of(oid: u32) -> Self {
        // OIDs of built-in types never change (pg_type.dat); a test compares them with their names.
        match oid {
            16 => Self::Bool,
            21 => Self::Int2,
            23 => Self::Int4,
            20 => Self::Int8,
            26 => Self::Oid,
            700 => Self::Float4,
            701 => Self::Float8,
            17 => Self::Bytes,
            1114 => Self::Timestamp,
            1184 | 1266 => Self::Zoned,
            1186 => Self::Interval,
            _ => Self::Text,
        }
    }

    pub(crate) fn encoding(self) -> Encoding {
        match self {
            Self::Bool => Encoding::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid => Encoding::Int,
            Self::Float4 | Self::Float8 => Encoding::Double,
            Self::Bytes => Encoding::Bytes,
            Self::Timestamp | Self::Zoned | Self::Interval | Self::Text => Encoding::Text,
        }
    }

    /// Whether the binary form is requested when possible, because it is shorter and cheaper for both sides.
    pub(crate) fn prefers_binary(self) -> bool {
        self.encoding() != Encoding::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_belongs_to_the_type_it_is_taken_for() {
        for (builtin, kind) in [
            (Type::BOOL, Kind::Bool),
            (Type::INT2, Kind::Int2),
            (Type::INT4, Kind::Int4),
            (Type::INT8, Kind::Int8),
            (Type::OID, Kind::Oid),
            (Type::FLOAT4, Kind::Float4),
            (Type::FLOAT8, Kind::Float8),
            (Type::BYTEA, Kind::Bytes),
            (Type::TIMESTAMP, Kind::Timestamp),
            (Type::TIMESTAMPTZ, Kind::Zoned),
            (Type::TIMETZ, Kind::Zoned),
            (Type::INTERVAL, Kind::Interval),
            (Type::NUMERIC, Kind::Text),
        ] {
            assert_eq!(Kind::of(builtin.oid()), kind, "{builtin}");
        }
    }

    #[test]
    fn types_have_their_names_or_else_their_numbers() {
        assert_eq!(Column::new("c", 20).type_name, "int8");
        assert_eq!(Column::new("c", 1700).type_name, "numeric");
        assert_eq!(Column::new("c", 99_999).type_name, "99999");
    }
}
