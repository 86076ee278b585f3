//! Configuration of an `aws-kms` root.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::roots::Address;

/// A symmetric key of AWS KMS.
///
/// Credentials come from the usual sources of AWS tools: the environment, profile files, web identity, or the metadata
/// of the container or instance. They need `kms:Encrypt` and `kms:Decrypt`. With `kms:DescribeKey`, the key is also
/// checked at startup.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KmsConfig {
    /// The key's id, ARN or alias (`alias/…`).
    pub key: String,
    /// The key's region, if the environment does not set it.
    pub region: Option<String>,
    /// A file in the format of `~/.aws/credentials`. Its profile `default` takes precedence over other sources.
    pub credentials_file: Option<PathBuf>,
    /// The address of KMS if it is not AWS's own, for example a private endpoint.
    pub endpoint: Option<Address>,
    /// How long to wait for KMS at startup, in seconds.
    #[serde(default = "crate::roots::start_seconds")]
    pub start_seconds: u32,
}
