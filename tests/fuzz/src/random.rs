//! Bytes without a pattern that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};

use arbitrary::{Arbitrary, Unstructured};
use postern_envelope::{Entropy, EntropyError};
use sha2::{Digest, Sha256};

/// Entropy that depends on an input alone, so that an input does the same each time.
pub struct InputEntropy {
    input: [u8; 32],
    count: AtomicU64,
}

impl InputEntropy {
    /// For one run of one input.
    pub fn new(input: &[u8]) -> Self {
        Self { input: Sha256::digest(input).into(), count: AtomicU64::new(0) }
    }
}

impl Entropy for InputEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in bytes.chunks_mut(32) {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            let block = Sha256::new().chain_update(self.input).chain_update(count.to_be_bytes()).finalize();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

/// Seeds for targets that read a structure out of their input: any bytes are such a structure.
pub fn seeds() -> Vec<Vec<u8>> {
    (1..=8_u8).map(|number| bytes(number, usize::from(number) * 64)).collect()
}

/// The structure that an input stands for, if it is long enough for one.
pub fn structure<'a, T: Arbitrary<'a>>(input: &'a [u8]) -> Option<T> {
    T::arbitrary_take_rest(Unstructured::new(input)).ok()
}

fn bytes(number: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    InputEntropy::new(&[number]).fill(&mut bytes).expect("it never fails");
    bytes
}
