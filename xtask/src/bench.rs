//! `cargo xtask bench`: each measurement is a module of its own; here they get their runtime and their build.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use crate::{interview_bench, mail_bench, needs, queue_bench};

/// What can be measured.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Bench {
    /// No-op jobs per second through apalis workers, over Redis Streams and over the channel.
    Queue {
        /// Jobs of each round.
        #[arg(long, default_value_t = 500_000)]
        jobs: u64,
    },
    /// Mails per second through a mail server on this machine.
    Mail {
        /// Mails of each round.
        #[arg(long, default_value_t = 10_000)]
        mails: u64,
    },
    /// What creating an interview costs, request by request, beside the same insert done directly.
    Interview {
        /// Requests of each kind.
        #[arg(long, default_value_t = 1_000)]
        requests: usize,
    },
}

/// Runs a measurement. A program without optimisations would measure the compiler, so that one hands over to one with.
pub(crate) fn run(what: &Bench) -> Result<()> {
    if cfg!(debug_assertions) {
        return optimised();
    }
    let runtime = tokio::runtime::Runtime::new().context("no threads to be had")?;
    match what {
        Bench::Queue { jobs } => {
            needs::meet()?;
            runtime.block_on(queue_bench::run(*jobs))
        }
        Bench::Mail { mails } => runtime.block_on(mail_bench::run(*mails)),
        Bench::Interview { requests } => {
            needs::meet()?;
            runtime.block_on(interview_bench::run(*requests))
        }
    }
}

fn optimised() -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let this = env::current_exe().context("the system does not tell where this program is")?;
    let service = this.with_file_name("../release/convoke");
    let status = Command::new(cargo)
        .args(["build", "--release", "--workspace", "--bins"])
        .status()
        .context("cargo does not run")?;
    if !status.success() {
        bail!("the optimised programs do not build; the reason is above");
    }
    let optimised = this.with_file_name("../release/xtask");
    let status = Command::new(optimised)
        .args(env::args_os().skip(1))
        .env("CONVOKE_BIN", service)
        .status()
        .context("the optimised program does not run")?;
    if status.success() { Ok(()) } else { bail!("the measurement failed; its reason is above") }
}
