//! Names to addresses.

use std::{io, net::IpAddr, pin::Pin, sync::Arc};

use tokio::sync::Semaphore;

/// What a [`Resolve`] gives back: the addresses of a name, in the order to try them.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// A source of addresses for names. It answers without judging.
pub trait Resolve: Send + Sync + 'static {
    /// Resolves a DNS name in lower case, without a trailing dot.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The operating system's resolver.
///
/// Names are taken as absolute: the search domains of `/etc/resolv.conf`, which in a cluster lead inside,
/// are not tried. Only `localhost` is looked up as it is, since it lives in `/etc/hosts`.
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

/// A lookup blocks a thread for as long as the slowest name server likes, also when its caller has gone.
/// Bounded, they cannot take all 512 blocking threads of the runtime.
const CONCURRENT_LOOKUPS: usize = 128;

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(CONCURRENT_LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let absolute = if name == "localhost" { name.to_owned() } else { format!("{name}.") };
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            // A task of its own holds the permit until the thread is free again.
            let lookup = tokio::spawn(async move {
                let _permit = permit;
                look_up(absolute).await
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one lookup there is; the dialer judges every answer")]
async fn look_up(name: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|answer| answer.ip()).collect())
}
