//! Holds the master keys; seals and opens.
