//! What a person runs twice. `cargo xtask --help` tells; `.ci/run` calls `cargo xtask test` and nothing else.

mod bench;
mod mail_bench;
mod needs;
mod python;
mod queue_bench;
mod suite;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Convoke's chores: the whole test suite, and the measurements.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    after_help = "Examples:\n  \
        cargo xtask test                          everything, as CI runs it\n  \
        cargo xtask test -- links                 the black-box tests whose names contain `links`\n  \
        cargo xtask test -- links::of_fifty_racing_posts_one_wins::postgres --nocapture\n  \
        cargo xtask bench queue                   no-op jobs per second through both queues\n  \
        cargo xtask bench mail --mails 20000      mails per second through a local sink"
)]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every check there is: format, lints, unit tests, and the black-box tests on the embedded default and on
    /// PostgreSQL + Redis + SMTP. Finds the programs it needs, or installs them with apt-get where it may.
    Test {
        /// Runs only the black-box tests that these name (as for `cargo test -- …`), without the other checks.
        #[arg(last = true, value_name = "FILTER")]
        filter: Vec<String>,
    },
    /// Measures one part of the service on this machine, built with optimisations.
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
}

fn main() -> ExitCode {
    let Xtask { chore } = Xtask::parse();
    let done = match chore {
        Chore::Test { filter } => suite::run(&filter),
        Chore::Bench { what } => bench::run(&what),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
