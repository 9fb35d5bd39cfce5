//! `convoke openapi`: the description of the API, for tools that read a file.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;

/// Prints what `GET /openapi.json` serves.
pub(crate) fn run() -> Result<ExitCode> {
    std::io::stdout().write_all(api::description::json().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
