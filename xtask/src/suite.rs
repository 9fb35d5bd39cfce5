//! `cargo xtask test`: every check, in the order in which it is cheapest to fail.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{needs, python};

/// One call of cargo, and what to do when it fails.
struct Step {
    name: &'static str,
    args: Vec<String>,
    mend: &'static str,
}

impl Step {
    fn new(name: &'static str, args: &[&str], mend: &'static str) -> Self {
        Self { name, args: args.iter().map(ToString::to_string).collect(), mend }
    }
}

/// Runs everything, or only the black-box tests that `filter` names.
pub(crate) fn run(filter: &[String]) -> Result<()> {
    let started = Instant::now();
    needs::meet()?;
    let python = python::environment()?;
    let steps = if filter.is_empty() { every_check() } else { vec![build(), black_box(filter)] };
    for step in &steps {
        run_step(step, &python)?;
    }
    let seconds = started.elapsed().as_secs();
    let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
    println!("\nall green in {} min {:02} s: {}", seconds / 60, seconds % 60, names.join(", "));
    Ok(())
}

fn every_check() -> Vec<Step> {
    vec![
        Step::new("format", &["fmt", "--all", "--check"], "run `cargo fmt --all`"),
        build(),
        Step::new(
            "unit tests",
            &["test", "--workspace", "--lib", "--bins"],
            "the failing test's output is above",
        ),
        Step::new(
            "lints",
            &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"],
            "mend what clippy names; where it is wrong, `#[expect(…, reason = \"…\")]`",
        ),
        black_box(&[]),
    ]
}

/// Tests start this binary; building it with the whole workspace keeps one set of features for all steps.
fn build() -> Step {
    Step::new("build", &["build", "--workspace", "--bins"], "mend what the compiler names")
}

/// Builds what tests and chores start.
pub(crate) fn build_binaries() -> Result<()> {
    run_step(&build(), Path::new("python3"))
}

fn black_box(filter: &[String]) -> Step {
    // The tests wait for other processes most of the time, but too many at once starve those.
    let threads = thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8) * 2;
    let mut step = Step::new(
        "black-box tests",
        &["test", "--workspace", "--test", "*", "--", "--test-threads", &threads.to_string()],
        "the failing tests are named above; run one with `cargo xtask test -- NAME --nocapture`",
    );
    step.args.extend_from_slice(filter);
    step
}

fn run_step(step: &Step, python: &Path) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    println!("\n==> {}: cargo {}", step.name, step.args.join(" "));
    let status = Command::new(cargo)
        .args(&step.args)
        .env("CONVOKE_BIN", binary()?)
        .env(python::VARIABLE, python)
        .status()
        .context("cargo does not run; is Rust installed (https://rustup.rs)?")?;
    if status.success() { Ok(()) } else { bail!("{} failed: {}", step.name, step.mend) }
}

/// `convoke`, beside this program: both are built into the same folder.
fn binary() -> Result<PathBuf> {
    Ok(env::current_exe()
        .context("the system does not tell where this program is")?
        .with_file_name("convoke"))
}
