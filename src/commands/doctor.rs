//! `convoke doctor`: what is wrong, and how to mend it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use shared::config::{Config, DatabaseUrl};
use shared::db::Db;
use worker::mail::{SmtpClient, SmtpOptions};

use crate::cli::{self, Settings};
use crate::runtime;

/// `convoke doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    settings: Settings,
    /// Only ask a running service whether it lives (for container health checks)
    #[arg(long)]
    live: bool,
}

/// Checks one thing after another; exit 0 when all is well.
pub(crate) async fn run(args: &DoctorArgs) -> Result<ExitCode> {
    let config = match args.settings.raw().and_then(|raw| cli::parsed(&raw)) {
        Ok(config) => config,
        Err(error) => {
            println!("✗ configuration  {error:#}");
            return Ok(ExitCode::FAILURE);
        }
    };
    if args.live {
        return live(&config).await;
    }
    println!("✓ configuration");
    let checks = [
        ("database", database(&config).await),
        ("queue", queue(&config).await),
        ("mail", mail(&config).await),
    ];
    let mut well = true;
    for (name, result) in checks {
        match result {
            Ok(told) => println!("✓ {name:<14} {told}"),
            Err(told) => {
                well = false;
                println!("✗ {name:<14} {told}");
            }
        }
    }
    println!("{}", links(&config));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn live(config: &Config) -> Result<ExitCode> {
    let port = config.bind.port();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
    let answer = client.get(format!("http://127.0.0.1:{port}/healthz")).send().await;
    Ok(if answer.is_ok_and(|answer| answer.status().is_success()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn database(config: &Config) -> Result<String, String> {
    let db = Db::connect(&config.database, 1, config.lease).await.map_err(|error| error.to_string())?;
    match (&config.database, db.ping().await) {
        (DatabaseUrl::Sqlite(path), Ok(())) => Ok(format!("embedded, in {}", path.display())),
        (DatabaseUrl::Postgres(_), Ok(())) => Ok("PostgreSQL answers".to_owned()),
        (DatabaseUrl::Sqlite(path), Err(error)) => {
            Err(format!("{}: {error}; may this user write there?", path.display()))
        }
        (DatabaseUrl::Postgres(_), Err(error)) => Err(format!(
            "{error}; check that the server runs, and host, user, password and name in DATABASE_URL"
        )),
    }
}

async fn queue(config: &Config) -> Result<String, String> {
    let queue = runtime::queue(config).map_err(|error| format!("{error:#}"))?;
    match (config.redis_url.is_some(), queue.ping().await) {
        (false, _) => Ok("inside this process; set REDIS_URL to run several".to_owned()),
        (true, Ok(())) => Ok("Redis answers".to_owned()),
        (true, Err(error)) => Err(format!("{error}; check that Redis runs, and REDIS_URL")),
    }
}

async fn mail(config: &Config) -> Result<String, String> {
    let Some(url) = &config.smtp_url else {
        return Ok("captured, not sent; set SMTP_URL to send".to_owned());
    };
    let client = SmtpClient::new(SmtpOptions::new(url.expose().clone()))
        .map_err(|error| format!("SMTP_URL: {error}"))?;
    client.check().await
}

/// Not wrong by itself, so it is told and not counted.
fn links(config: &Config) -> String {
    let local = ["http://127.0.0.1", "http://localhost", "http://0.0.0.0", "http://[::"];
    let is_local = local.iter().any(|base| config.public_url.starts_with(base));
    if is_local && config.smtp_url.is_some() {
        return format!(
            "! links          lead to {}, which candidates elsewhere cannot reach; set CONVOKE_PUBLIC_URL",
            config.public_url
        );
    }
    format!("✓ links          lead to {}", config.public_url)
}
