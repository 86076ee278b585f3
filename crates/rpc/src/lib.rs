//! Generated code of the protos, and the one mapping from errors to statuses.
