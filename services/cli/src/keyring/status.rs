//! `postern keyring status`.

use std::io::{self, Write};

use postern_domain::{Clock, SystemClock};

use crate::{config::Config, crypto::Crypto, database, failure::Failure, output::Output};

use super::view::RingView;

pub(super) async fn run(crypto: &Crypto, config: &Config, output: Output) -> Result<(), Failure> {
    let ring = crypto.ring().await?;
    // The ring is shown even if the database is unavailable.
    let counts = match database::counts(config).await {
        Ok(counts) => counts,
        Err(failure) => {
            writeln!(io::stderr(), "postern: the stored seals could not be counted: {failure}")?;
            None
        }
    };
    let view = RingView::new(ring, counts.as_deref());
    output.print(&view, || view.to_text(SystemClock.now()))
}
