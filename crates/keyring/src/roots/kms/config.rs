//! Configuration of an `aws-kms` root.

use std::path::PathBuf;

use serde::Deserialize;

use crate::roots::Address;

/// A symmetric key of AWS KMS.
///
/// Credentials come from where AWS' tools look for them: environment, profile files, web identity, the container's or
/// the instance's metadata. They need `kms:Encrypt` and `kms:Decrypt`, and should have `kms:DescribeKey`, by which the
/// start checks the key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmsConfig {
    /// The key's id, ARN or alias (`alias/…`).
    pub key: String,
    /// The key's region, where the environment does not name it.
    pub region: Option<String>,
    /// A file in the form of `~/.aws/credentials`, whose profile `default` is used before anything else.
    pub credentials_file: Option<PathBuf>,
    /// Another address than that of AWS, such as that of a private endpoint.
    pub endpoint: Option<Address>,
    /// How long the start waits for the service, in seconds.
    #[serde(default = "crate::roots::start_seconds")]
    pub start_seconds: u32,
}
