//! Issuers, key sets, and the way from a bearer token to a Principal.
