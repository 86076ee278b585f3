//! Secret bytes in memory.

use zeroize::Zeroizing;

/// Secret bytes: wiped when dropped, compared in constant time, and without `Debug`, `Display`,
/// `Clone` or `Serialize`, so that it cannot end up in a log or a response by accident.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes ownership of bytes. The vector is wiped when the secret is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes ownership of text.
    pub fn from_text(text: String) -> Self {
        Self::new(text.into_bytes())
    }

    /// The bytes, for code that must use them. Review every call.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Moves the bytes out, for code that sends them. From then on, only the program's allocator wipes them, when they
    /// are freed.
    pub fn into_exposed(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_slice(), other.0.as_slice()).into()
    }
}

impl Eq for Secret {}
