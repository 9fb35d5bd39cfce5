//! Python environments, made once in the target folder: the one in which the tests read calendars with a parser that is
//! not ours (`tests/requirements.txt`), and that of Schemathesis (`xtask/conformance/requirements.txt`).

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

pub(crate) use convoke_tests::calendar::PYTHON as VARIABLE;

/// An environment, in `target/<name>`.
pub(crate) struct Environment {
    pub(crate) name: &'static str,
    pub(crate) requirements: &'static str,
    /// Code that runs only where the requirements are met.
    pub(crate) proof: &'static str,
}

const CALENDARS: Environment = Environment {
    name: "python",
    requirements: include_str!("../../tests/requirements.txt"),
    proof: "import icalendar",
};

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

/// The interpreter with which the tests read calendars.
pub(crate) fn environment() -> Result<PathBuf> {
    match env::var_os(VARIABLE) {
        Some(given) => Ok(given.into()),
        None => CALENDARS.ready(),
    }
}

impl Environment {
    /// The environment's interpreter; makes the environment where it is not there, or is that of other requirements.
    pub(crate) fn ready(&self) -> Result<PathBuf> {
        let folder = self.folder()?;
        let interpreter = folder.join("bin/python");
        let made_from = folder.join("requirements.txt");
        let is_current = std::fs::read_to_string(&made_from).is_ok_and(|from| from == self.requirements);
        if is_current && runs(&interpreter, self.proof) {
            return Ok(interpreter);
        }
        println!("==> making {}", folder.display());
        let maker = maker().context("no Python 3 here makes virtual environments")?;
        let requirements = folder.with_extension("requirements.txt");
        std::fs::write(&requirements, self.requirements)
            .with_context(|| format!("{} cannot be written", requirements.display()))?;
        run(Command::new(maker).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        if self.requirements.contains("--hash=") {
            pip.arg("--require-hashes");
        }
        run(pip.arg("-r").arg(&requirements)).context("PyPI is asked once (or what PIP_INDEX_URL names)")?;
        // Last, so that an environment that was only half made is made again.
        std::fs::rename(&requirements, &made_from)
            .with_context(|| format!("{} cannot be written", made_from.display()))?;
        Ok(interpreter)
    }

    /// Beside the folder of this program: `target/<name>`.
    fn folder(&self) -> Result<PathBuf> {
        let program = env::current_exe().context("the system does not tell where this program is")?;
        let target =
            program.parent().and_then(Path::parent).context("this program is not in a target folder")?;
        Ok(target.join(self.name))
    }
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
