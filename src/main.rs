//! `convoke`: one program, a command per file in `commands/`.

mod cli;
mod commands;
mod runtime;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    // Every TLS connection of this program, whoever opens it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = cli::Cli::parse();
    match commands::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("convoke: {error:#}");
            ExitCode::FAILURE
        }
    }
}
