//! `convoke register FILE`: a bulk registration from the command line, with a progress bar and exit codes for scripts.

mod client;
mod input;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use uuid::Uuid;

use client::Client;
use input::Input;

const AFTER: &str = "\
Exit codes:  0  every row is ok      3  some rows failed (see --failed-out)      1  anything else

Running it again with the same file and the same terms is safe: the service knows the request by its content, gives the
same batch, and sends nothing twice.

Example:     convoke register candidates.csv --interview 0199… --key cvk_… --send-email --watch --out results.csv";

/// `convoke register`
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RegisterArgs {
    /// CSV (a header row with `email`, and `name` and `external_id` where there are), NDJSON, or JSON; by its ending
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The interview definition's or position's id (a UUID)
    #[arg(long, value_name = "ID")]
    pub(crate) interview: Uuid,
    /// Where the service is
    #[arg(long, env = "CONVOKE_PUBLIC_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) url: String,
    /// An API key, or the service key
    #[arg(long, env = "CONVOKE_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: String,
    /// The merchant's id; needed with the service key
    #[arg(long, value_name = "ID")]
    pub(crate) merchant: Option<Uuid>,
    /// Mail each candidate the link
    #[arg(long)]
    pub(crate) send_email: bool,
    /// Mint test links, which open drafts too
    #[arg(long)]
    pub(crate) test: bool,
    /// Hide the interview's menu
    #[arg(long)]
    pub(crate) hide_menu: bool,
    /// Hide the interview's frame
    #[arg(long)]
    pub(crate) hide_iframe: bool,
    /// Go on until every mail is sent or given up, not only until every row is registered
    #[arg(long)]
    pub(crate) watch: bool,
    /// Write `name,email,external_id,result,interview_url` of every row
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the input's rows that failed, ready to be mended and sent again
    #[arg(long, value_name = "FILE")]
    pub(crate) failed_out: Option<PathBuf>,
}

/// Registers the file and tells what became of it.
pub(crate) async fn run(args: &RegisterArgs) -> Result<ExitCode> {
    let input = Input::read(&args.file)?;
    if input.rows() == 0 {
        bail!("{} has no rows", args.file.display());
    }
    let client = Client::new(&args.url, &args.key)?;
    eprintln!("Registering {} rows of {} at {}", input.rows(), args.file.display(), args.url);
    let batch = client.upload(args, &input).await?;
    let finished = report::follow(&client, &batch, args.watch).await?;
    let mut sinks = report::Sinks::open(args, &input)?;
    client.each_result(&batch, |row| sinks.take(&row)).await?;
    sinks.finish()?;
    report::summary(&finished, args);
    Ok(if finished.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
