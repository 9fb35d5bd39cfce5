//! The programs that the tests start: found, or installed with apt-get where that is possible without a question.

use std::env;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use convoke_tests::{browser, postgres};

use crate::python;

/// A Debian package, and how to see whether what it brings is here.
struct Need {
    package: &'static str,
    is_met: fn() -> bool,
}

const NEEDS: [Need; 5] = [
    Need { package: "postgresql", is_met: has_postgres },
    Need { package: "redis-server", is_met: has_redis },
    Need { package: "chromium", is_met: has_browser },
    Need { package: "python3", is_met: python::is_here },
    Need { package: "python3-venv", is_met: python::makes_environments },
];

fn has_postgres() -> bool {
    ["initdb", "postgres", "psql"].into_iter().all(|tool| postgres::find_tool(tool).is_some())
}

fn has_redis() -> bool {
    on_path("redis-server") && on_path("redis-cli")
}

fn has_browser() -> bool {
    browser::find().is_some()
}

fn on_path(name: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(name).is_file())
}

/// Sees to it that everything is here.
pub(crate) fn meet() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let Some(root) = root_words() else {
        bail!(
            "the tests start programs that are not here. On Debian or Ubuntu:\n    sudo apt-get install {}\n\
             elsewhere install PostgreSQL, Redis (redis-server, redis-cli), Chromium and Python 3 (with venv and ensurepip) \
             so that they are on the PATH",
            missing.join(" ")
        );
    };
    println!("==> installing {}", missing.join(", "));
    apt(root, &["update", "--quiet"])?;
    apt(root, &[&["install", "--yes", "--quiet", "--no-install-recommends"], missing.as_slice()].concat())?;
    let still = self::missing();
    if still.is_empty() {
        Ok(())
    } else {
        bail!("apt-get installed {}, and yet it is not found", still.join(" "))
    }
}

fn missing() -> Vec<&'static str> {
    NEEDS.iter().filter(|need| !(need.is_met)()).map(|need| need.package).collect()
}

/// What to write before `apt-get` so that it runs as root without asking; `None` where that cannot be.
fn root_words() -> Option<&'static [&'static str]> {
    let quietly = |program: &str, args: &[&str]| {
        Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()
    };
    if !on_path("apt-get") {
        return None;
    }
    if quietly("id", &["-u"]).is_some_and(|output| output.stdout.trim_ascii() == b"0") {
        return Some(&[]);
    }
    let may = quietly("sudo", &["-n", "true"]).is_some_and(|output| output.status.success());
    may.then_some(&["sudo", "-n"])
}

fn apt(root: &[&str], args: &[&str]) -> Result<()> {
    let words = [root, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], args].concat();
    let status = Command::new(words[0])
        .args(&words[1..])
        .status()
        .with_context(|| format!("{} does not run", words[0]))?;
    if status.success() { Ok(()) } else { bail!("`{}` failed; run it by hand to see why", words.join(" ")) }
}
