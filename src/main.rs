//! The binary: hands over to [`privatelink_dns::cli`].

use std::process::ExitCode;

/// Memory of a question is taken on one thread and given back on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    privatelink_dns::cli::run()
}
