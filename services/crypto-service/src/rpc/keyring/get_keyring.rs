//! `GetKeyring`: the keys with their uses, and what each replica has loaded.

use postern_rpc::{Problem, crypto::GetKeyringResponse};

use super::{Keyring, view};

#[expect(clippy::unnecessary_wraps, reason = "the shape of the others")]
pub(super) fn get_keyring(own: &Keyring) -> Result<GetKeyringResponse, Problem> {
    // Another replica may have answered the change that the caller wants to see. A ring that cannot be read is told
    // where it is followed; until then the one in use is the answer.
    let _ = own.ring.reload();
    Ok(GetKeyringResponse { keyring: Some(view::keyring(own)) })
}
