//! The connection-service process. See the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern_chassis::run("connection-service", postern_connection_service::run)
}
