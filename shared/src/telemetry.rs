//! Logs: one subscriber per process, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging by a filter such as `info` or `worker=debug,info`. A second call changes nothing.
pub fn start(filter: &str, json: bool) -> Result<(), String> {
    // The database driver logs each statement with its arguments at debug: those are people's data.
    let filter = format!("{filter},sqlx=warn,lettre=warn");
    let filter = EnvFilter::try_new(&filter)
        .map_err(|e| format!("CONVOKE_LOG: {e}; write error, warn, info, debug, or a tracing filter"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let subscriber = subscriber.with_ansi(std::io::stderr().is_terminal());
    let _ = if json { subscriber.json().try_init() } else { subscriber.with_target(false).try_init() };
    Ok(())
}
