//! `convoke migrate`: the schema, brought up to date. `serve` and `worker` do it too when they start.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{self, Settings};
use crate::runtime;

/// Migrates and says so.
pub(crate) async fn run(settings: &Settings) -> Result<ExitCode> {
    let config = cli::parsed(&settings.raw()?)?;
    let db = runtime::database(&config).await?;
    db.close().await;
    println!("The schema is up to date.");
    Ok(ExitCode::SUCCESS)
}
