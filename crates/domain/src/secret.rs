//! Secret bytes in memory.

use zeroize::Zeroizing;

/// Secret bytes: wiped when dropped, compared in constant time, and without `Debug`, `Display`,
/// `Clone` or `Serialize`, so that none can end in a log or an answer by accident.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes over bytes. The vector is wiped when the secret is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes over text.
    pub fn from_text(text: String) -> Self {
        Self::new(text.into_bytes())
    }

    /// Shows the bytes to code that must use them. Every call is a place to review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Moves the bytes out to code that sends them on. From here on, only the program's allocator wipes them, when they
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
