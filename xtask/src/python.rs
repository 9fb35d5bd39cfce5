//! The Python environment in which the tests read calendars with a parser that is not ours: made once, in the target
//! folder, from `tests/requirements.txt`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

pub(crate) use convoke_tests::calendar::PYTHON as VARIABLE;

const REQUIREMENTS: &str = include_str!("../../tests/requirements.txt");

/// The system's own comes last: it is what `apt-get install python3-venv` completes.
const INTERPRETERS: [&str; 2] = ["python3", "/usr/bin/python3"];

/// Whether there is any Python 3.
pub(crate) fn is_here() -> bool {
    INTERPRETERS.into_iter().any(|python| runs(python.as_ref(), "import sys"))
}

/// Whether one of them can make an environment with pip in it.
pub(crate) fn makes_environments() -> bool {
    maker().is_some()
}

fn maker() -> Option<&'static str> {
    INTERPRETERS.into_iter().find(|python| runs(python.as_ref(), "import venv, ensurepip"))
}

/// The environment's interpreter; makes the environment where it is not there, or is that of other requirements.
pub(crate) fn environment() -> Result<PathBuf> {
    if let Some(given) = env::var_os(VARIABLE) {
        return Ok(given.into());
    }
    let folder = folder()?;
    let interpreter = folder.join("bin/python");
    let made_from = folder.join("requirements.txt");
    let is_current = std::fs::read_to_string(&made_from).is_ok_and(|made_from| made_from == REQUIREMENTS);
    if is_current && runs(&interpreter, "import icalendar") {
        return Ok(interpreter);
    }
    println!("==> making {}", folder.display());
    let maker = maker().context("no Python 3 here makes virtual environments")?;
    let requirements = folder.with_extension("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)
        .with_context(|| format!("{} cannot be written", requirements.display()))?;
    run(Command::new(maker).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
    run(Command::new(&interpreter).args(pip).arg(&requirements))
        .context("PyPI is asked once (or what PIP_INDEX_URL names)")?;
    // Last, so that an environment that was only half made is made again.
    std::fs::rename(&requirements, &made_from)
        .with_context(|| format!("{} cannot be written", made_from.display()))?;
    Ok(interpreter)
}

/// Beside the folder of this program: `target/python`.
fn folder() -> Result<PathBuf> {
    let program = env::current_exe().context("the system does not tell where this program is")?;
    let target = program.parent().and_then(Path::parent).context("this program is not in a target folder")?;
    Ok(target.join("python"))
}

fn runs(python: &Path, code: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-I", "-c", code]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} does not run"))?;
    if status.success() { Ok(()) } else { bail!("{command:?} failed; its output is above") }
}
