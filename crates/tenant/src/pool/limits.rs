//! The bounds of all pools, as the operator configures them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

/// Bounds of all pools. [`PoolConfig`] says what happens when one is too high or too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "PoolConfig")]
#[schemars(with = "PoolConfig")]
pub struct PoolLimits {
    /// Sessions of one pool, that is, of one saved connection.
    pub per_pool: usize,
    /// Sessions in all pools of one owner.
    pub per_owner: usize,
    /// Sessions in all pools.
    pub total: usize,
    /// How much of `total` is reserved for owners without a session: an owner that has one gets another only while more
    /// than this is free.
    pub reserved: usize,
    /// Callers that may wait for one pool.
    pub waiting: usize,
    /// Time after which an idle session is closed.
    pub idle: Duration,
    /// Age after which a session is not reused.
    pub lifetime: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        PoolConfig::default().into_limits()
    }
}

/// How many sessions with tenants' servers are kept. As an operator writes it, before validation.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PoolConfig {
    /// Sessions of one saved connection. Each uses one of the tenant server's connections; small plans have 15 to 60.
    /// Too high: users reach their server's own limit. Too low: the queries of one user's application wait for each
    /// other.
    per_pool: usize,
    /// Sessions of all connections of one user. Too high: a few users take everything except what is reserved. Too low:
    /// a user's databases compete with each other.
    per_owner: usize,
    /// Sessions of all users. Each takes a file descriptor and, while a result streams, up to 100 KiB. Too high: the
    /// process runs out of descriptors. Too low: users wait for each other.
    total: usize,
    /// How much of `total` is reserved for users without a session: a user that has one gets another only while more
    /// than this is free. Too high: little is left for users who run several queries at once. Too low: when a few users
    /// hold everything else, for example on servers that have stopped answering, only this many others get a session.
    reserved: usize,
    /// Calls that may wait for one connection's sessions. Too high: callers wait for nothing until their deadline. Too
    /// low: short bursts are refused that could have been served within milliseconds.
    waiting: usize,
    /// Time after which an idle session is closed, at most a week. Too high: unused connections to tenants' servers are
    /// kept open. Too low: users who pause for a moment have to wait for a new sign-in.
    #[serde(deserialize_with = "seconds")]
    #[schemars(extend("x-unit" = "seconds"))]
    idle: u64,
    /// Age after which a session is not reused, so that memory on the server is freed and a changed address is noticed,
    /// at most a week. Too low: much time goes into sign-ins.
    #[serde(deserialize_with = "seconds")]
    #[schemars(extend("x-unit" = "seconds"))]
    lifetime: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        let (idle, lifetime) = (60, 30 * 60);
        Self { per_pool: 4, per_owner: 32, total: 512, reserved: 64, waiting: 64, idle, lifetime }
    }
}

impl PoolConfig {
    fn into_limits(self) -> PoolLimits {
        let Self { per_pool, per_owner, total, reserved, waiting, idle, lifetime } = self;
        let (idle, lifetime) = (Duration::from_secs(idle), Duration::from_secs(lifetime));
        PoolLimits { per_pool, per_owner, total, reserved, waiting, idle, lifetime }
    }
}

/// Why bounds were rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Mismatch {
    #[error("per_pool, per_owner, idle and lifetime must be at least 1")]
    Zero,
    #[error("reserved must be less than total, or no owner could have a second session")]
    Reserved,
    #[error("per_pool must not exceed per_owner, nor per_owner exceed total")]
    Order,
}

impl TryFrom<PoolConfig> for PoolLimits {
    type Error = Mismatch;

    fn try_from(limits: PoolConfig) -> Result<Self, Mismatch> {
        let limits = limits.into_limits();
        if limits.per_pool == 0 || limits.idle.is_zero() || limits.lifetime.is_zero() {
            return Err(Mismatch::Zero);
        }
        if limits.reserved >= limits.total {
            return Err(Mismatch::Reserved);
        }
        if limits.per_pool > limits.per_owner || limits.per_owner > limits.total {
            return Err(Mismatch::Order);
        }
        Ok(limits)
    }
}

/// Longest duration, in seconds: a week. Much longer ones would overflow the clock.
const MOST_SECONDS: u64 = 7 * 24 * 60 * 60;

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        seconds if seconds <= MOST_SECONDS => Ok(seconds),
        _ => Err(de::Error::custom("a duration of more than 604800 seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PoolLimits, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_a_configuration_leaves_out_has_its_default() {
        assert_eq!(parse(""), Ok(PoolLimits::default()));
        let expected = PoolLimits { total: 100, idle: Duration::from_secs(5), ..PoolLimits::default() };
        assert_eq!(parse("total = 100\nidle = 5"), Ok(expected));
    }

    #[test]
    fn the_defaults_fit_each_other() {
        assert!(PoolLimits::try_from(PoolConfig::default()).is_ok());
    }

    #[test]
    fn bounds_that_do_not_fit_each_other_are_rejected() {
        for (text, why) in [
            ("reserved = 512", "reserved must be less than total"),
            ("per_pool = 0", "must be at least 1"),
            ("idle = 0", "must be at least 1"),
            ("lifetime = 0", "must be at least 1"),
            ("per_pool = 33", "must not exceed"),
            ("per_owner = 600", "must not exceed"),
            ("lifetime = 604801", "more than 604800 seconds"),
            ("totl = 1", "unknown field"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
