//! Keeps each user's connections; seals what it stores and can open nothing.
