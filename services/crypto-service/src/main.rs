//! The crypto-service process. See the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern_chassis::run("crypto-service", postern_crypto_service::run)
}
