//! `convoke serve`: the API, and the workers unless they run elsewhere.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use shared::clock::{Clock, Entropy};
use shared::config::{Config, Origin};
use shared::db::Db;
use shared::domain::Lane;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::cli::{self, ServeArgs};
use crate::runtime;

/// Serves until it is told to stop.
pub(crate) async fn run(args: &ServeArgs) -> Result<ExitCode> {
    let mut raw = args.settings.raw()?;
    if let Some(bind) = args.bind {
        raw.set("bind", &bind.to_string(), Origin::Flag)?;
    }
    if let Some(url) = &args.public_url {
        raw.set("public_url", url, Origin::Flag)?;
    }
    if args.print_config {
        print!("{}", raw.masked());
        return Ok(ExitCode::SUCCESS);
    }
    let config = cli::parsed(&raw)?;
    if args.no_worker && matches!(config.database, shared::config::DatabaseUrl::Sqlite(_)) {
        bail!(
            "--no-worker needs PostgreSQL: the embedded database belongs to one process. Set DATABASE_URL=postgres://…, or leave --no-worker away"
        );
    }
    let stopping = runtime::stopping()?;
    Box::pin(serve(config, !args.no_worker, stopping, None)).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves a configuration until `stopping`. `ready` hears when requests are answered.
pub(crate) async fn serve(
    config: Config,
    with_workers: bool,
    stopping: watch::Receiver<bool>,
    ready: Option<tokio::sync::oneshot::Sender<()>>,
) -> Result<()> {
    let listener = TcpListener::bind(config.bind).await.with_context(|| {
        format!(
            "{} cannot be listened on; is another program there? Choose another with --bind or CONVOKE_BIND",
            config.bind
        )
    })?;
    let db = Db::take(&config.database, config.database_connections, config.lease).await?;
    let queue = runtime::queue(&config)?;
    tell(&config);
    let (open, is_open) = watch::channel(false);
    let (clock, entropy) = (Clock::System, Entropy::System);
    let app =
        api::App::new(config.clone(), db.clone(), queue.clone(), clock, entropy, is_open, stopping.clone())?;
    let http = tokio::spawn(api::serve(app, listener, stopping.clone()));
    // The port is open already: until the ledger is there, requests are told to come again.
    tokio::select! {
        prepared = db.prepare() => prepared?,
        () = stopped(stopping.clone()) => return Ok(()),
    }
    let _ = open.send(true);
    if let Some(ready) = ready {
        let _ = ready.send(());
    }
    if with_workers {
        let context = worker::Context::new(config, db.clone(), queue, Clock::System, Entropy::System);
        Box::pin(worker::run(context, &Lane::ALL, stopping.clone())).await?;
    }
    // Requests that wait for a worker are answered 202 by their own deadline; longer than the grace nobody is kept.
    let mut until = stopping;
    let _ = until.wait_for(|stopping| *stopping).await;
    if let Ok(served) = tokio::time::timeout(std::time::Duration::from_secs(25), http).await {
        served??;
    }
    db.close().await;
    tracing::info!("ended");
    Ok(())
}

/// Resolves when the process is to end.
pub(crate) async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

fn tell(config: &Config) {
    let database = match &config.database {
        shared::config::DatabaseUrl::Sqlite(path) => format!("embedded ({})", path.display()),
        shared::config::DatabaseUrl::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let queue = if config.redis_url.is_some() { "Redis" } else { "inside this process" };
    let mail = if config.smtp_url.is_some() { "SMTP" } else { "captured, not sent" };
    tracing::info!(bind = %config.bind, public_url = config.public_url, database, queue, mail, "convoke serves");
}
