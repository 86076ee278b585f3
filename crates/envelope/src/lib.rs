//! The seal: Cobblestone-256, the key ring and the context encoding.
