//! Waiting for the replicas of crypto-service.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::ProgressBar;
use postern_rpc::crypto::{Keyring, Replica};
use tokio::time::{Instant, sleep};

use crate::{crypto::Crypto, failure::Failure};

const PAUSE: Duration = Duration::from_millis(500);

/// Waits until no live replica is `behind`, and returns the ring as it was then. Says on stderr for whom it waits.
pub(crate) async fn until_none_is(
    crypto: &Crypto,
    timeout: Duration,
    behind: impl Fn(&Keyring, &Replica) -> bool,
) -> Result<Keyring, Failure> {
    let start = Instant::now();
    let mut sign = None;
    loop {
        let ring = crypto.ring().await?;
        let names = names(&ring, &behind);
        if names.is_empty() {
            return Ok(ring);
        }
        if start.elapsed() >= timeout {
            let message = format!("not loaded within {} s by: {names}", timeout.as_secs());
            return Err(
                Failure::refused(message).hint("Its log says why. A replica that is gone holds nobody up.")
            );
        }
        sign.get_or_insert_with(Sign::new).show(&names)?;
        sleep(PAUSE).await;
    }
}

/// Live replicas that are behind, by name.
fn names(ring: &Keyring, behind: impl Fn(&Keyring, &Replica) -> bool) -> String {
    let waited_for = ring.replicas.iter().filter(|replica| replica.live && behind(ring, replica));
    waited_for.map(|replica| replica.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A spinner on a terminal, a line elsewhere.
struct Sign {
    spinner: ProgressBar,
    said: bool,
}

impl Sign {
    fn new() -> Self {
        Self { spinner: ProgressBar::new_spinner(), said: false }
    }

    fn show(&mut self, names: &str) -> io::Result<()> {
        if io::stderr().is_terminal() {
            self.spinner.set_message(format!("waiting for {names}"));
            self.spinner.tick();
        } else if !self.said {
            writeln!(io::stderr(), "postern: waiting for {names}")?;
            self.said = true;
        }
        Ok(())
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}
