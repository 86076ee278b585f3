//! `GetKeyring`: the keys with their use counts, and what each replica has loaded.

use std::time::Duration;

use postern_rpc::crypto::GetKeyringResponse;
use tokio::time::timeout;
use tonic::{Response, Status};

use super::{Keyring, view};
use crate::live_ring::Look;

/// Time for checking the file, which may have to wait for the root.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn get_keyring(own: &Keyring) -> Result<Response<GetKeyringResponse>, Status> {
    // Another replica may have made the change that the caller wants to see. If the file cannot be used, that is
    // logged where it is followed, and the response is the ring in use.
    let _ = timeout(PATIENCE, own.ring.look(Look::Now)).await;
    own.blocking(|own| Ok(GetKeyringResponse { keyring: Some(view::keyring(own)) })).await
}
