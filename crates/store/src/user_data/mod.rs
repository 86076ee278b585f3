//! Everything that is stored about one owner: to be exported, and to be erased.

mod erase;
mod export;
mod tables;

pub use erase::{Erased, ErasedTable};
pub use export::{StoredConnection, StoredSecretLabel, UserData};
pub use tables::TableCount;

pub(crate) use erase::erase;
pub(crate) use export::export;
pub(crate) use tables::counts;
