//! What a person runs twice. `cargo xtask --help` tells; `.ci/run` calls `cargo xtask test` and nothing else.

mod bench;
mod conformance;
mod interview_bench;
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
        cargo xtask conformance --max-examples 500   the service against its description, longer\n  \
        cargo xtask bench queue                   no-op jobs per second through both queues\n  \
        cargo xtask bench mail --mails 20000      mails per second through a local sink\n  \
        cargo xtask bench interview               what creating an interview costs, and what that is made of"
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
    /// Holds the running service against its own description (`GET /openapi.json`): Schemathesis, which is installed into
    /// the target folder once, makes up requests that the description allows and requests that it forbids, alone and
    /// one after another, and checks every answer: its status, type, headers and schema, and whether it should have been
    /// given at all. The service is a fresh embedded one. Asks with a merchant's key, the service credential, and a
    /// user's token. What JSON Schema has no words for is in xtask/conformance. Takes some minutes.
    Conformance(conformance::Options),
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
        Chore::Conformance(options) => conformance::run(&options),
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
