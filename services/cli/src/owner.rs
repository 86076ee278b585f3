//! The owner whom an operator means.

use std::io::{self, Write};

use postern_domain::OwnerId;
use postern_identity::{SubjectMapping, owner_of};
use uuid::Uuid;

use crate::{
    arguments::OwnerArguments,
    failure::{Exit, Failure},
};

/// The owner that is named, or that a subject of an issuer is.
pub(crate) fn named(arguments: &OwnerArguments) -> Result<OwnerId, Failure> {
    match (arguments.owner, &arguments.issuer, &arguments.subject) {
        (Some(owner), _, _) => Ok(OwnerId(owner)),
        (None, Some(issuer), Some(subject)) => derived(issuer, subject),
        _ => Err(Failure::new(Exit::Usage, "name an OWNER, or pass --issuer and --subject")),
    }
}

/// The owner that a subject of an issuer is, unless the issuer's subjects are owners themselves.
pub(crate) fn derived(issuer: &str, subject: &str) -> Result<OwnerId, Failure> {
    let owner = owner_of(issuer, SubjectMapping::Derived, subject)
        .map_err(|_| Failure::new(Exit::Usage, "a subject has 1 to 255 bytes and no control characters"))?;
    if Uuid::try_parse(subject).is_ok() {
        writeln!(
            io::stderr(),
            "postern: the subject is a UUID; if the issuer is configured with subject = \"uuid\", pass it as OWNER"
        )?;
    }
    Ok(owner)
}
