//! Sealing secrets of the caller.

use postern_chassis::{SignedIn, mtls::CryptoChannel, trace};
use postern_domain::{Endpoint, SealedSecret, Secret, SecretId, SecretName};
use postern_rpc::{
    Problem,
    crypto::{
        BatchEncryptRequest, EncryptItem, EncryptRequest, EncryptResult,
        crypto_service_client::CryptoServiceClient, encrypt_result::Outcome,
    },
};
use uuid::Uuid;

use crate::{
    SealContext,
    failure::{Purpose, of_reason, problem},
    patience::in_time,
};

/// Seals secrets, and cannot open them.
#[derive(Clone)]
pub struct Sealer(CryptoServiceClient<CryptoChannel>);

impl Sealer {
    /// Over a channel with the certificate of connection-service.
    pub fn new(channel: CryptoChannel) -> Self {
        Self(CryptoServiceClient::new(channel))
    }

    /// Seals `secrets` for the caller and this endpoint, each with a newly generated id. Makes one call for all of
    /// them, and seals either all or none.
    pub async fn seal(
        &self,
        caller: &SignedIn,
        endpoint: &Endpoint,
        mut secrets: Vec<(SecretName, Secret)>,
    ) -> Result<Vec<(SecretName, SealedSecret)>, Problem> {
        match secrets.len() {
            0 => Ok(Vec::new()),
            1 => {
                let (name, secret) = secrets.remove(0);
                Ok(vec![(name, self.seal_one(caller, endpoint, name, secret).await?)])
            }
            _ => self.seal_all(caller, endpoint, secrets).await,
        }
    }

    async fn seal_one(
        &self,
        caller: &SignedIn,
        endpoint: &Endpoint,
        name: SecretName,
        secret: Secret,
    ) -> Result<SealedSecret, Problem> {
        let id = mint();
        let context = Some(SealContext::new(endpoint, name, id).into());
        let message = EncryptRequest { context, plaintext: secret.into_exposed() };
        let encrypt = || {
            let (mut client, message) = (self.0.clone(), message.clone());
            trace::calling("postern.crypto.v1.CryptoService/Encrypt", move || {
                let request = caller.authorize(message);
                async move { client.encrypt(request).await }
            })
        };
        match in_time(encrypt).await {
            Ok(response) => Ok(SealedSecret { id, sealed: response.into_inner().sealed }),
            Err(status) => Err(problem(&status, Purpose::Seal)),
        }
    }

    async fn seal_all(
        &self,
        caller: &SignedIn,
        endpoint: &Endpoint,
        secrets: Vec<(SecretName, Secret)>,
    ) -> Result<Vec<(SecretName, SealedSecret)>, Problem> {
        let ids: Vec<_> = secrets.iter().map(|(name, _)| (*name, mint())).collect();
        let items = secrets.into_iter().zip(&ids).map(|((name, secret), (_, id))| EncryptItem {
            reference: name.as_str().to_owned(),
            context: Some(SealContext::new(endpoint, name, *id).into()),
            plaintext: secret.into_exposed(),
        });
        let message = BatchEncryptRequest { items: items.collect() };
        let encrypt = || {
            let (mut client, message) = (self.0.clone(), message.clone());
            trace::calling("postern.crypto.v1.CryptoService/BatchEncrypt", move || {
                let request = caller.authorize(message);
                async move { client.batch_encrypt(request).await }
            })
        };
        let results =
            in_time(encrypt).await.map_err(|status| problem(&status, Purpose::Seal))?.into_inner().results;
        let fits = results.len() == ids.len()
            && results.iter().zip(&ids).all(|(result, (name, _))| result.reference == name.as_str());
        if !fits {
            return Err(Problem::internal(
                "crypto-service's response does not match the request; run the same release of both",
            ));
        }
        ids.into_iter().zip(results).map(|((name, id), result)| Ok((name, sealed(id, result)?))).collect()
    }
}

fn mint() -> SecretId {
    SecretId(Uuid::new_v4())
}

fn sealed(id: SecretId, result: EncryptResult) -> Result<SealedSecret, Problem> {
    match result.outcome {
        Some(Outcome::Sealed(sealed)) => Ok(SealedSecret { id, sealed }),
        Some(Outcome::Error(error)) => {
            tracing::warn!(reason = error.reason, "crypto-service did not seal one of several secrets");
            Err(of_reason(&error.reason, Purpose::Seal))
        }
        None => Err(Problem::internal("crypto-service's response is empty; run the same release of both")),
    }
}
