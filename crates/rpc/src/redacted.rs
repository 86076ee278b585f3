//! `Debug` for the messages that carry secrets: prost asks for one, and a derived one would print them.

use std::fmt;

use crate::{connection::UpsertConnectionRequest, crypto, proxy::ForwardRequest};

macro_rules! redacted {
    ($($message:ty),+ $(,)?) => {$(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($message), " { .. }"))
            }
        }
    )+};
}

redacted!(
    crypto::EncryptRequest,
    crypto::DecryptResponse,
    crypto::EncryptItem,
    crypto::DecryptResult,
    crypto::decrypt_result::Outcome,
    UpsertConnectionRequest,
    ForwardRequest,
    crate::connection::upsert_connection_request::Endpoint,
);
