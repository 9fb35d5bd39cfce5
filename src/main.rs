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
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let _ = told.print();
            // Help is no failure; a wrong flag is, and 2 and 3 are kept for what commands say.
            return if told.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match commands::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("convoke: {error:#}");
            ExitCode::FAILURE
        }
    }
}
