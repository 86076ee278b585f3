//! The control database: migrations, roles, user-scoped transactions.
