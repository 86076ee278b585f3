//! Opening seals of the caller.

use postern_chassis::{SignedIn, mtls::CryptoChannel, trace};
use postern_domain::{Endpoint, SealedSecret, Secret, SecretName};
use postern_rpc::{
    Problem,
    crypto::{DecryptRequest, crypto_service_client::CryptoServiceClient},
};

use crate::{
    SealContext,
    failure::{Purpose, problem},
    patience::in_time,
};

/// Opens seals, and cannot seal.
#[derive(Clone)]
pub struct Opener(CryptoServiceClient<CryptoChannel>);

impl Opener {
    /// Over a channel with the certificate of proxy-service.
    pub fn new(channel: CryptoChannel) -> Self {
        Self(CryptoServiceClient::new(channel))
    }

    /// Opens a secret of the caller's connection to `endpoint`, which must be the endpoint as stored: a seal that was
    /// made for another endpoint or another owner cannot be opened.
    pub async fn open(
        &self,
        caller: &SignedIn,
        endpoint: &Endpoint,
        name: SecretName,
        secret: &SealedSecret,
    ) -> Result<Secret, Problem> {
        let context = Some(SealContext::new(endpoint, name, secret.id).into());
        let message = DecryptRequest { context, sealed: secret.sealed.clone() };
        let decrypt = || {
            let (mut client, message) = (self.0.clone(), message.clone());
            trace::calling("postern.crypto.v1.CryptoService/Decrypt", move || {
                let request = caller.authorize(message);
                async move { client.decrypt(request).await }
            })
        };
        match in_time(decrypt).await {
            Ok(response) => Ok(Secret::new(response.into_inner().plaintext)),
            Err(status) => Err(problem(&status, Purpose::Open)),
        }
    }
}
