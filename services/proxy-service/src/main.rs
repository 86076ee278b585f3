//! The proxy-service process. See the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern_chassis::run("proxy-service", postern_proxy_service::run)
}
