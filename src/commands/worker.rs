//! `convoke worker`: workers alone.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use shared::clock::{Clock, Entropy};
use shared::config::{DatabaseUrl, Origin};
use shared::db::Db;
use shared::domain::Lane;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::{self, WorkerArgs};
use crate::commands::serve;
use crate::runtime;

/// Works until it is told to stop.
pub(crate) async fn run(args: &WorkerArgs) -> Result<ExitCode> {
    let mut raw = args.settings.raw()?;
    if let Some(concurrency) = args.concurrency {
        raw.set("concurrency", &concurrency.to_string(), Origin::Flag)?;
    }
    let config = cli::parsed(&raw)?;
    if matches!(config.database, DatabaseUrl::Sqlite(_)) {
        bail!(
            "workers of their own need PostgreSQL (and Redis): the embedded database belongs to one process. Set DATABASE_URL=postgres://…, or run `convoke serve`, which has workers"
        );
    }
    if config.redis_url.is_none() {
        tracing::warn!(
            "without REDIS_URL this worker finds work only by looking once a second; set the same REDIS_URL everywhere"
        );
    }
    let lanes = if args.lanes.is_empty() { Lane::ALL.to_vec() } else { args.lanes.clone() };
    let stopping = runtime::stopping()?;
    let db = Db::take(&config.database, config.database_connections, config.lease).await?;
    let queue = runtime::queue(&config)?;
    let (open, is_open) = watch::channel(false);
    if let Some(bind) = config.worker_bind {
        let listener = TcpListener::bind(bind)
            .await
            .with_context(|| format!("CONVOKE_WORKER_BIND: {bind} cannot be listened on"))?;
        let (clock, entropy) = (Clock::System, Entropy::System);
        let app = api::App::new(
            config.clone(),
            db.clone(),
            queue.clone(),
            clock,
            entropy,
            is_open,
            stopping.clone(),
        )?;
        tokio::spawn(api::serve_health(app, listener, stopping.clone()));
    }
    tokio::select! {
        prepared = db.prepare() => prepared?,
        () = serve::stopped(stopping.clone()) => return Ok(ExitCode::SUCCESS),
    }
    let _ = open.send(true);
    let context = worker::Context::new(config, db.clone(), queue, Clock::System, Entropy::System);
    tracing::info!(worker = context.id, lanes = ?lanes.iter().map(|lane| lane.as_str()).collect::<Vec<_>>(), "convoke works");
    Box::pin(worker::run(context, &lanes, stopping)).await?;
    db.close().await;
    tracing::info!("ended");
    Ok(ExitCode::SUCCESS)
}
