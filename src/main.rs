//! The binary: hands over to [`privatelink_dns::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    privatelink_dns::cli::run()
}
