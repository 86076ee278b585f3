//! The user of a verified token.

use std::{fmt, sync::Arc, time::Duration};

use postern_domain::{Caller, OwnerId};
use uuid::Uuid;

use crate::{AuthError, SubjectMapping};

/// The user of a verified token. Only [`crate::Verifier::verify`] makes one. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    caller: Caller,
    subject: Arc<str>,
    expires_at: Duration,
}

impl Principal {
    /// The owner of the user's rows.
    pub fn owner(&self) -> OwnerId {
        self.caller.owner
    }

    /// The user, with everything by which an operator can withdraw access.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The token's `iss`.
    pub fn issuer(&self) -> &str {
        &self.caller.issuer
    }

    /// The token's `sub`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The token's `exp`, since 1970-01-01T00:00:00Z.
    pub fn expires_at(&self) -> Duration {
        self.expires_at
    }

    pub(crate) fn new(
        issuer: &Arc<str>,
        mapping: SubjectMapping,
        subject: &str,
        token_id: Option<Arc<str>>,
        expires_at: Duration,
    ) -> Result<Self, AuthError> {
        let owner = owner_of(issuer, mapping, subject)?;
        let caller = Caller { owner, issuer: Arc::clone(issuer), token_id };
        Ok(Self { caller, subject: subject.into(), expires_at })
    }
}

/// Only the owner, because subjects may be mail addresses, which must not be logged.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("owner", &self.caller.owner).finish_non_exhaustive()
    }
}

/// Maximum length of a subject in bytes, as in `OpenID` Connect.
const MAX_SUBJECT_BYTES: usize = 255;

/// The owner of the rows of `subject`, a user of `issuer`. Fails for a subject that no token may have.
pub fn owner_of(issuer: &str, mapping: SubjectMapping, subject: &str) -> Result<OwnerId, AuthError> {
    let well_formed = (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && !subject.contains(char::is_control);
    if !well_formed {
        return Err(AuthError::SubjectInvalid);
    }
    match mapping {
        SubjectMapping::Derived => Ok(OwnerId::derived(issuer, subject)),
        SubjectMapping::Uuid => uuid_owner(subject),
    }
}

/// A UUID in canonical form. Version 5 is reserved for derived owners, so that no subject of this issuer can be the
/// owner of another issuer's user. The nil UUID is refused.
fn uuid_owner(subject: &str) -> Result<OwnerId, AuthError> {
    let uuid = Uuid::try_parse(subject).map_err(|_| AuthError::SubjectInvalid)?;
    let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == subject;
    if canonical && !uuid.is_nil() && uuid.get_version_num() != 5 {
        Ok(OwnerId(uuid))
    } else {
        Err(AuthError::SubjectInvalid)
    }
}

#[cfg(test)]
#[path = "principal_tests.rs"]
mod tests;
