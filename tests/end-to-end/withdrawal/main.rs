//! Access that an operator withdraws ends: for the next call on every replica, and for what runs. In a binary of its
//! own, since some denials concern every user of a Postern.

#![allow(clippy::unwrap_used, reason = "a test")]

mod calls;
mod running;
mod stage;
