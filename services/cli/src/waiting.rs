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

/// Waits until no live replica is `behind`, and returns the ring. Names the replicas it waits for on stderr.
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
            let message = format!("not loaded within {} s by {names}", timeout.as_secs());
            return Err(
                Failure::refused(message).hint("See its log. Replicas that have exited are not waited for.")
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
    printed: bool,
}

impl Sign {
    fn new() -> Self {
        Self { spinner: ProgressBar::new_spinner(), printed: false }
    }

    fn show(&mut self, names: &str) -> io::Result<()> {
        if io::stderr().is_terminal() {
            self.spinner.set_message(format!("waiting for {names}"));
            self.spinner.tick();
        } else if !self.printed {
            writeln!(io::stderr(), "postern: waiting for {names}")?;
            self.printed = true;
        }
        Ok(())
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        self.spinner.finish_and_clear();
    }
}
