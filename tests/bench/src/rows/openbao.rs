//! Sealing compared with an encryption service that people would run instead: Encrypt of 128 bytes, against `OpenBao`'s
//! Transit. Both use TLS. Each caller of `OpenBao` has its own connection; the callers of crypto-service share one.

use anyhow::{Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bench, Figures, REQUESTS, Row, Target, crypto};
use crate::{
    client::{Caller, Sample},
    stage::{http::HttpClient, openbao::ENCRYPT},
};

pub(super) const ROWS: &[Row] = &[Row {
    id: "crypto.openbao.c16",
    what: "Encrypt, 16 callers, 1 owner, vs. OpenBao Transit",
    unit: REQUESTS,
    target: Target::AtLeast(10.0),
    measure: |bench| Box::pin(against_transit(bench, 16)),
}];

async fn against_transit(bench: &Bench, callers: usize) -> Result<Figures> {
    let ours = crypto::encrypt(bench, callers).await?;
    let other = match bench.stage.openbao().await {
        Ok(openbao) => {
            // Transit expects the plaintext in base64.
            let request = json!({ "plaintext": STANDARD.encode(crypto::SECRET) });
            let mut all = Vec::new();
            for _ in 0..callers {
                all.push(Transit { client: openbao.client().await?, request: request.clone() });
            }
            Ok(all)
        }
        Err(missing) => Err(missing),
    };
    bench.pace.compare(ours, other, Sample::rate).await
}

struct Transit {
    client: HttpClient,
    request: Value,
}

#[derive(Deserialize)]
struct Body {
    data: Sealed,
}

#[derive(Deserialize)]
struct Sealed {
    ciphertext: String,
}

impl Caller for Transit {
    async fn call(&mut self) -> Result<()> {
        let response: Body = self.client.post(ENCRYPT, &self.request).await?;
        ensure!(response.data.ciphertext.starts_with("vault:v1:"), "the response is not a ciphertext");
        Ok(())
    }
}
