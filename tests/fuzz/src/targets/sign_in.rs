//! Whatever a tenant's server says, a sign-in succeeds only with one that has proved that it knows the password.

use std::time::Duration;

use arbitrary::Arbitrary;
use postern_domain::{AccessMode, CaBundle, Host, PostgresEndpoint, Secret, TlsMode};
use postern_tenant::{TenantError, fuzzing};
use tokio::time::Instant;

use crate::{
    Verdict, exec, memory, random,
    scram::{Server, Step},
};

const PASSWORD: &[u8] = b"open sesame";

#[derive(Arbitrary)]
struct Case {
    /// How far the server goes by the book before it says what it likes.
    honest: u8,
    nonce: Vec<u8>,
    salt: Vec<u8>,
    iterations: u16,
    /// What it takes for the password, unless it knows the right one.
    guess: Option<Vec<u8>>,
    rest: Vec<Vec<u8>>,
}

/// Signs in.
pub fn check(input: &[u8]) -> Verdict {
    let Some(case) = random::structure::<Case>(input) else { return Verdict::Refused };
    let (steps, sent) = case.steps();
    let (outcome, peak) = memory::peak_of(|| sign_in(steps));
    assert!(peak <= 256 * 1024 + 16 * sent, "{peak} bytes for {sent}");
    if outcome.is_ok() {
        // By the book up to its proof, and with the right password.
        assert!(case.honest >= 3 && case.guess.as_deref().is_none_or(|guess| guess == PASSWORD), "a stranger is let in");
    }
    let by_the_book = case.honest >= 5 && case.guess.is_none() && case.is_well_formed();
    assert!(outcome.is_ok() || !by_the_book, "an honest server is refused: {outcome:?}");
    Verdict::of(&outcome)
}

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let honest = |first: u8, last: usize| [&[first][..], &vec![b'x'; last]].concat();
    let mut seeds = random::seeds();
    seeds.extend((0..=5).flat_map(|first| [honest(first, 8), honest(first, 40)]));
    seeds.push([&[5][..], &[0; 40]].concat());
    seeds
}

impl Case {
    /// The steps, and the bytes of what the fuzzer has made up.
    fn steps(&self) -> (Vec<Step>, usize) {
        let guess = self.guess.clone().unwrap_or_else(|| PASSWORD.to_vec());
        let challenge = Step::Challenge {
            nonce: self.nonce.clone(),
            salt: self.salt.clone(),
            iterations: u32::from(self.iterations) % 64,
        };
        let by_the_book = [
            Step::Bytes(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0".to_vec()),
            challenge,
            Step::Proof(guess),
            Step::Bytes(b"R\0\0\0\x08\0\0\0\0".to_vec()),
            Step::Bytes(b"S\0\0\0\x08a\0b\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I".to_vec()),
        ];
        let mut steps: Vec<_> = by_the_book.into_iter().take(self.honest.into()).collect();
        steps.extend(self.rest.iter().cloned().map(Step::Bytes));
        let sent = self.rest.iter().chain([&self.nonce, &self.salt]).map(Vec::len).sum();
        (steps, sent)
    }

    /// Whether the challenge is one of the grammar, with a nonce of its own and within the bounds of a message.
    fn is_well_formed(&self) -> bool {
        let nonce = (1..1000).contains(&self.nonce.len()) && self.nonce.iter().all(|b| b.is_ascii_graphic() && *b != b',');
        nonce && (1..1000).contains(&self.salt.len()) && !self.iterations.is_multiple_of(64)
    }
}

fn sign_in(steps: Vec<Step>) -> Result<(), TenantError> {
    let endpoint = PostgresEndpoint {
        host: Host::Name("db.example.com".into()),
        port: 5432,
        database: "app".into(),
        user: "ada".into(),
        tls_mode: TlsMode::Disable,
        ca: CaBundle::default(),
        access_mode: AccessMode::ReadOnly,
    };
    let password = Secret::new(PASSWORD.to_vec());
    exec::block_on(async {
        let until = Instant::now() + Duration::from_mins(1);
        fuzzing::sign_in(Server::new(steps), &endpoint, &password, until).await
    })
}
