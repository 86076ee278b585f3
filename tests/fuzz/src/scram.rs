//! The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), for a server that answers to what it is asked.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the server says, in turn, each as soon as the client waits for more.
pub enum Step {
    /// These bytes, whatever was asked.
    Bytes(Vec<u8>),
    /// `AuthenticationSASLContinue`, for the nonce that the client has sent.
    Challenge {
        /// What is added to the client's nonce.
        nonce: Vec<u8>,
        /// The salt.
        salt: Vec<u8>,
        /// Rounds of PBKDF2.
        iterations: u32,
    },
    /// `AuthenticationSASLFinal`, with the signature of a server that knows this password.
    Proof(Vec<u8>),
}

/// A server that goes through its steps and then closes the stream.
pub struct Server {
    steps: std::vec::IntoIter<Step>,
    written: Vec<u8>,
    unread: Vec<u8>,
    challenge: Challenge,
}

#[derive(Default)]
struct Challenge {
    /// What the client has sent before.
    nonce: Vec<u8>,
    text: Vec<u8>,
    salt: Vec<u8>,
    iterations: u32,
}

impl Server {
    /// With these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        let challenge = Challenge::default();
        Self { steps: steps.into_iter(), written: Vec::new(), unread: Vec::new(), challenge }
    }

    fn say(&mut self, step: Step) -> Vec<u8> {
        match step {
            Step::Bytes(bytes) => bytes,
            Step::Challenge { nonce, salt, iterations } => {
                let client = self.client_nonce().to_vec();
                let salted = format!(",s={},i={iterations}", BASE64.encode(&salt));
                let text = [b"r=", client.as_slice(), &nonce, salted.as_bytes()].concat();
                self.challenge = Challenge { nonce: client, text: text.clone(), salt, iterations };
                authentication(11, &text)
            }
            Step::Proof(password) => {
                let signature = self.signature(&password);
                authentication(12, format!("v={}", BASE64.encode(signature)).as_bytes())
            }
        }
    }

    /// The end of the client's first message, and of all that it has written before it gets a challenge.
    fn client_nonce(&self) -> &[u8] {
        after(&self.written, b"n=,r=").unwrap_or_default()
    }

    /// `HMAC(ServerKey, AuthMessage)`.
    fn signature(&self, password: &[u8]) -> [u8; 32] {
        let Challenge { nonce, text, salt, iterations } = &self.challenge;
        let first = [b"n=,r=", nonce.as_slice()].concat();
        let last = after(&self.written, b"c=").unwrap_or_default();
        let last = &last[..last.windows(3).position(|window| window == b",p=").unwrap_or_default()];
        let message = [&first[..], b",", text, b",c=", last].concat();
        mac(&mac(&salted(password, salt, *iterations), b"Server Key"), &message)
    }
}

fn after<'t>(text: &'t [u8], mark: &[u8]) -> Option<&'t [u8]> {
    let start = text.windows(mark.len()).position(|window| window == mark)?;
    Some(&text[start + mark.len()..])
}

fn authentication(kind: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 8).unwrap_or(u32::MAX);
    [&b"R"[..], &length.to_be_bytes(), &kind.to_be_bytes(), data].concat()
}

/// `Hi` of RFC 5802: PBKDF2 with one block.
fn salted(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut round = mac(password, &[salt, &[0, 0, 0, 1]].concat());
    let mut result = round;
    for _ in 1..iterations.min(100_000) {
        round = mac(password, &round);
        result.iter_mut().zip(round).for_each(|(sum, byte)| *sum ^= byte);
    }
    result
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(message);
    mac.finalize().into_bytes().into()
}

impl AsyncRead for Server {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            let Some(step) = self.steps.next() else { return Poll::Ready(Ok(())) };
            self.unread = self.say(step);
        }
        let length = buffer.remaining().min(self.unread.len());
        buffer.put_slice(&self.unread[..length]);
        self.unread.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
