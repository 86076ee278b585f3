//! Name resolution.

use std::{io, net::IpAddr, pin::Pin, sync::Arc};

use tokio::sync::Semaphore;

/// The result of [`Resolve`]: the addresses of a name, in the order to try them.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Resolves names. The addresses are not checked.
pub trait Resolve: Send + Sync + 'static {
    /// Resolves a DNS name in lower case, without a trailing dot.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The operating system's resolver.
///
/// Names are treated as absolute: the search domains in `/etc/resolv.conf`, which are internal in a cluster, are not
/// used. The exception is `localhost`, which is in `/etc/hosts`.
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

/// Limits concurrent lookups. A lookup blocks a thread until the slowest name server responds, even if its caller is
/// gone; without a limit, lookups could take all 512 blocking threads of the runtime.
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
            // A separate task holds the permit until the thread is free again.
            let lookup = tokio::spawn(async move {
                let _permit = permit;
                look_up(absolute).await
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the only lookup; the dialer checks every address")]
async fn look_up(name: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|answer| answer.ip()).collect())
}
