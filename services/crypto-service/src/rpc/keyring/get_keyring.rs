//! `GetKeyring`: the keys with their uses, and what each replica has loaded.

use std::time::Duration;

use postern_rpc::crypto::GetKeyringResponse;
use tokio::time::timeout;
use tonic::{Response, Status};

use super::{Keyring, view};
use crate::live_ring::Look;

/// Time for a look at the file, which may have to wait for the root.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn get_keyring(own: &Keyring) -> Result<Response<GetKeyringResponse>, Status> {
    // Another replica may have answered the change that the caller wants to see. A ring that cannot be read is told
    // where it is followed; until then the one in use is the answer.
    let _ = timeout(PATIENCE, own.ring.look(Look::Now)).await;
    own.blocking(|own| Ok(GetKeyringResponse { keyring: Some(view::keyring(own)) })).await
}
