//! The root `aws-kms`: a symmetric key of AWS KMS.
//!
//! A wrapped key is the ciphertext blob of KMS. Its encryption context is `postern:key-id` with the id in decimal
//! digits, so it does not unwrap under another id, and `CloudTrail` shows which key of the ring was requested.
//!
//! The SDK does not wipe its copies of a key; the program's allocator wipes them when they are freed.

mod config;
mod connector;

use std::{error::Error, path::PathBuf, time::Duration};

use aws_config::{
    BehaviorVersion, Region, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
    retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_sdk_kms::{
    Client as Kms,
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
    types::{KeyMetadata, KeyUsageType},
};
use postern_envelope::KeyId;
use zeroize::Zeroizing;

pub use config::KmsConfig;
use connector::Connector;

use super::{
    OpenError, Trouble,
    client::Client,
    remote::{KeyBytes, Remote, Service},
};

/// Time for one operation, including the SDK's second and third attempts.
const OPERATION: Duration = Duration::from_secs(8);

/// Pause before the SDK's second attempt; the third comes after at most four times as long.
const BACKOFF: Duration = Duration::from_millis(100);

const CONTEXT: &str = "postern:key-id";

/// Opens the root; see [`super::open`].
pub(super) fn open(config: &KmsConfig) -> Result<Remote<AwsKms>, OpenError> {
    let name = name(config);
    let patience = Duration::from_secs(config.start_seconds.into());
    let http = Client::trusting(None).expect("the public authorities are built in");
    let connect = {
        let (name, config) = (name.clone(), config.clone());
        async move { AwsKms::new(name, config, http).await }
    };
    Remote::open(name, patience, connect)
}

fn name(config: &KmsConfig) -> String {
    let place = config.endpoint.as_ref().map(ToString::to_string).or_else(|| config.region.clone());
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    format!("{} (key {}{place})", AwsKms::KIND, config.key)
}

/// A client, and the key that it uses.
pub(super) struct AwsKms {
    name: String,
    kms: Kms,
    key: String,
    has_region: bool,
}

impl AwsKms {
    /// Finds region and credentials. May query the machine's metadata service.
    async fn new(name: String, config: KmsConfig, http: Client) -> Self {
        let http = Connector(http);
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .retry_config(RetryConfig::standard().with_initial_backoff(BACKOFF).with_max_backoff(4 * BACKOFF))
            .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION).build());
        let region = config.region.map(Region::new);
        if let Some(region) = region.clone() {
            loader = loader.region(region);
        }
        if let Some(path) = config.credentials_file {
            loader = loader.credentials_provider(credentials_in(path, region, http));
        }
        if let Some(endpoint) = config.endpoint {
            loader = loader.endpoint_url(endpoint.to_string());
        }
        let shared = loader.load().await;
        Self { name, kms: Kms::new(&shared), key: config.key, has_region: shared.region().is_some() }
    }
}

fn credentials_in(path: PathBuf, region: Option<Region>, http: Connector) -> ProfileFileCredentialsProvider {
    let files = EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, path).build();
    // A profile may name a role to assume, which is requested over the network.
    let config = ProviderConfig::without_region().with_region(region).with_http_client(http);
    ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_files(files)
        .profile_name("default")
        .build()
}

impl Service for AwsKms {
    const KIND: &'static str = "aws-kms";

    async fn check(&self) -> Result<(), Trouble> {
        if !self.has_region {
            return Err(Trouble::NoRegion);
        }
        match self.kms.describe_key().key_id(&self.key).send().await {
            Ok(answer) if answer.key_metadata().is_some_and(encrypts) => Ok(()),
            Ok(_) => Err(Trouble::NoKey),
            Err(error) => match trouble_of(&error) {
                // A credential without this permission may still use the key.
                Trouble::Refused if error.code() == Some("AccessDeniedException") => {
                    tracing::info!(root = %self.name, "the root's key cannot be checked at start without kms:DescribeKey");
                    Ok(())
                }
                trouble => Err(trouble),
            },
        }
    }

    /// The SDK renews its credentials when it needs them.
    async fn keep(&self) {}

    async fn wrap(&self, id: KeyId, key: KeyBytes) -> Result<Vec<u8>, Trouble> {
        let request = self.kms.encrypt().key_id(&self.key).plaintext(Blob::new(key.as_slice()));
        let answer = request.encryption_context(CONTEXT, id.to_string()).send().await;
        let answer = answer.map_err(|error| trouble_of(&error))?;
        Ok(answer.ciphertext_blob.ok_or(Trouble::Protocol)?.into_inner())
    }

    async fn unwrap(&self, id: KeyId, wrapped: Vec<u8>) -> Result<KeyBytes, Trouble> {
        // Because the key is named, KMS refuses ciphertexts of other keys in the account.
        let request = self.kms.decrypt().key_id(&self.key).ciphertext_blob(Blob::new(wrapped));
        let answer = request.encryption_context(CONTEXT, id.to_string()).send().await;
        let answer = answer.map_err(|error| trouble_of(&error))?;
        Ok(Zeroizing::new(answer.plaintext.ok_or(Trouble::Protocol)?.into_inner()))
    }
}

fn encrypts(key: &KeyMetadata) -> bool {
    key.enabled() && key.key_usage().is_none_or(|usage| *usage == KeyUsageType::EncryptDecrypt)
}

fn trouble_of<E>(error: &SdkError<E>) -> Trouble
where
    E: ProvideErrorMetadata + Error + 'static,
    SdkError<E>: Error + 'static,
{
    match error.code() {
        Some(code) => return meaning(code),
        None if matches!(error, SdkError::TimeoutError(_)) => return Trouble::Timeout,
        None => {}
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(trouble) = error.downcast_ref::<Trouble>() {
            return trouble.clone();
        }
        if error.is::<CredentialsError>() {
            return Trouble::NoCredential;
        }
        cause = error.source();
    }
    Trouble::Protocol
}

/// Maps the error codes of KMS and the common codes of AWS.
fn meaning(code: &str) -> Trouble {
    match code {
        "InvalidCiphertextException" | "IncorrectKeyException" => Trouble::Foreign,
        "NotFoundException"
        | "DisabledException"
        | "KMSInvalidStateException"
        | "InvalidKeyUsageException"
        | "InvalidArnException"
        | "ValidationException" => Trouble::NoKey,
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException"
        | "OptInRequired" => Trouble::Refused,
        word if word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Trouble::Service(word.to_owned())
        }
        _ => Trouble::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_mean_a_foreign_key_a_refusal_or_an_outage() {
        assert_eq!(meaning("InvalidCiphertextException"), Trouble::Foreign);
        assert_eq!(meaning("IncorrectKeyException"), Trouble::Foreign);
        assert_eq!(meaning("AccessDeniedException"), Trouble::Refused);
        assert_eq!(meaning("DisabledException"), Trouble::NoKey);
        assert!(meaning("ThrottlingException").may_pass());
        assert_eq!(meaning("<script> or a secret"), Trouble::Protocol);
    }
}
