//! Results: typed columns, and rows column by column.

pub(crate) mod batch;
pub(crate) mod cell;
pub(crate) mod column;
pub(crate) mod times;
