//! One file per command.

pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod key;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod register;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod worker;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Command};

/// Runs a command; its exit code is for scripts.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => Box::pin(serve::run(&args)).await,
        Command::Worker(args) => Box::pin(worker::run(&args)).await,
        Command::Demo(args) => Box::pin(demo::run(&args)).await,
        Command::Register(args) => register::run(&args).await,
        Command::Migrate(settings) => migrate::run(&settings).await,
        Command::Key(command) => key::run(&command).await,
        Command::Token(args) => token::run(&args).await,
        Command::Doctor(args) => doctor::run(&args).await,
        Command::Openapi => openapi::run(),
    }
}
