//! Starting and ending: the database and the queue of a configuration, and the two signals.

use anyhow::{Context as _, Result};
use shared::config::Config;
use shared::db::Db;
use shared::queue::Queue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Opens the database; waits for a server that is not there yet.
pub(crate) async fn database(config: &Config) -> Result<Db> {
    Ok(Db::open(&config.database, config.database_connections, config.lease).await?)
}

/// The lanes: in Redis where one is configured, inside this process otherwise.
pub(crate) fn queue(config: &Config) -> Result<Queue> {
    match &config.redis_url {
        Some(url) => Queue::redis(url.expose()).context("REDIS_URL"),
        None => Ok(Queue::in_process()),
    }
}

/// Turns true at SIGTERM or SIGINT; a second signal ends the process at once.
pub(crate) fn stopping() -> Result<watch::Receiver<bool>> {
    let (stop, stopping) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tracing::info!(
            "ending: no new work is taken, work in hand is finished; a second signal ends at once"
        );
        let _ = stop.send(true);
        next().await;
        std::process::exit(130);
    });
    Ok(stopping)
}
