//! The command line: what `--help` teaches.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use shared::clock::Entropy;
use shared::config::{Config, Origin, Raw};

use crate::commands::{doctor, key, register, token};

const AFTER: &str = "\
Try it:      convoke demo
For real:    DATABASE_URL=postgres://… REDIS_URL=redis://… SMTP_URL=smtp://… convoke serve
Invite:      convoke register candidates.csv --interview ID --key KEY --send-email --watch

Settings come from convoke.toml, the environment and flags, the later over the earlier;
`convoke serve --print-config` shows them all.";

/// The service behind the "invite everybody" button: bulk registration, one-time links, mail that arrives.
#[derive(Debug, Parser)]
#[command(name = "convoke", version, after_help = AFTER, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the API and the workers in one process
    Serve(ServeArgs),
    /// Run workers alone, beside API processes on the same PostgreSQL and Redis
    Worker(WorkerArgs),
    /// Try everything: a fresh embedded database, 1,000 sample candidates, and a service that goes on
    Demo(DemoArgs),
    /// Register the candidates of a CSV, NDJSON or JSON file, and watch the result per person
    Register(Box<register::RegisterArgs>),
    /// Bring the database's schema up to date
    Migrate(Settings),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Sign a user's token, for trying things
    Token(token::TokenArgs),
    /// Check configuration, database, Redis and SMTP, and say what is wrong and how to mend it
    Doctor(doctor::DoctorArgs),
    /// Print the description of the API (OpenAPI 3.1), as GET /openapi.json serves it
    Openapi,
}

/// Settings that have a flag of their own; all others are in the file and the environment.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Settings {
    /// A configuration file [default: convoke.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// `sqlite://FILE` or `postgres://…` [env: `DATABASE_URL`]
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Any setting, by its key: `--set wait=20`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// `convoke serve`
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Where to listen [env: `CONVOKE_BIND`] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) bind: Option<SocketAddr>,
    /// The base of links, as candidates reach it [env: `CONVOKE_PUBLIC_URL`]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The API alone; workers run elsewhere
    #[arg(long)]
    pub(crate) no_worker: bool,
    /// Show every setting, where it comes from, secrets masked, and end
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// `convoke worker`
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// The lanes to work on, parted by commas [default: all of intake,bulk,mail]
    #[arg(long, value_name = "LANES", value_delimiter = ',')]
    pub(crate) lanes: Vec<shared::domain::Lane>,
    /// Jobs of one lane at once [env: `CONVOKE_CONCURRENCY`] [default: 4]
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<u32>,
}

/// `convoke demo`
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DemoArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) bind: Option<SocketAddr>,
    /// Keep the database in this folder instead of a temporary one
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,
    /// How many candidates to register
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) candidates: u32,
    /// End when the results are printed, instead of serving on
    #[arg(long)]
    pub(crate) once: bool,
}

impl Settings {
    /// The gathered texts: file, environment, flags.
    pub(crate) fn raw(&self) -> Result<Raw> {
        let mut raw = Raw::gather(self.config.as_deref())?;
        if let Some(url) = &self.database_url {
            raw.set("database_url", url, Origin::Flag)?;
        }
        for pair in &self.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| anyhow::anyhow!("--set {pair}: write KEY=VALUE, such as --set wait=20"))?;
            raw.set(key, value, Origin::Flag)?;
        }
        Ok(raw)
    }
}

/// Parses gathered settings and starts the log.
pub(crate) fn parsed(raw: &Raw) -> Result<Config> {
    let config = Config::parse(raw, &Entropy::System)?;
    shared::telemetry::start(&config.log, config.log_json).map_err(anyhow::Error::msg)?;
    Ok(config)
}
