//! `convoke key`: API keys, straight in the database.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use shared::clock::{Clock, Entropy};
use shared::db::api_keys::{self, ApiKeyRow};
use shared::db::merchants::{self, Merchant};
use shared::db::{Conn, Db};
use shared::domain::{ApiKey, rfc3339_millis};
use uuid::Uuid;

use crate::cli::{self, Settings};

/// `convoke key …`
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show it, once
    Create {
        #[command(flatten)]
        of: Of,
        /// What people call it
        #[arg(long, default_value = "command line")]
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = RoleName::Admin)]
        role: RoleName,
    },
    /// List a merchant's keys, newest first
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Revoke a key, at once and for good
    Revoke {
        #[command(flatten)]
        of: Of,
        /// The key's id, as `key list` shows it
        id: Uuid,
    },
}

/// Whose keys.
#[derive(Debug, Args)]
pub(crate) struct Of {
    #[command(flatten)]
    settings: Settings,
    /// The merchant's id; may be left out where there is one merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// Everything of the merchant, keys included
    Admin,
    /// Everything but keys
    Staff,
    /// Queues, jobs, messages and batches; never links
    Operator,
}

/// Runs `convoke key`.
pub(crate) async fn run(command: &KeyCommand) -> Result<ExitCode> {
    let (KeyCommand::Create { of, .. } | KeyCommand::List { of } | KeyCommand::Revoke { of, .. }) = command;
    let config = cli::parsed(&of.settings.raw()?)?;
    let db = Db::connect(&config.database, 2, config.lease).await?;
    db.migrate().await?;
    let mut tx = db.begin().await?;
    let merchant = merchant(&mut tx, of.merchant).await?;
    match command {
        KeyCommand::Create { name, role, .. } => create(&mut tx, &merchant, name, *role).await?,
        KeyCommand::List { .. } => list(&mut tx, &merchant).await?,
        KeyCommand::Revoke { id, .. } => {
            if !api_keys::revoke(&mut tx, *id, merchant.id, Clock::System.now()).await? {
                bail!("{} has no key with the id {id}; `convoke key list` shows them", merchant.name);
            }
            println!("Revoked: the key is refused from now on.");
        }
    }
    tx.commit().await?;
    db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn merchant(conn: &mut Conn, named: Option<Uuid>) -> Result<Merchant> {
    if let Some(id) = named {
        return match merchants::find(conn, id).await? {
            Some(merchant) => Ok(merchant),
            None => bail!("there is no merchant with the id {id}"),
        };
    }
    let mut all = merchants::page(conn, Uuid::max(), 3).await?;
    match all.len() {
        0 => bail!("there is no merchant yet; make one with POST /api/v1/merchants and the service key"),
        1 => Ok(all.remove(0)),
        _ => bail!("there are several merchants; say which with --merchant ID"),
    }
}

async fn create(conn: &mut Conn, merchant: &Merchant, name: &str, role: RoleName) -> Result<()> {
    let now = Clock::System.now();
    let key = ApiKey::from_random(Entropy::System.bytes());
    let role = match role {
        RoleName::Admin => "admin",
        RoleName::Staff => "staff",
        RoleName::Operator => "operator",
    };
    let name = shared::domain::line(name, 200)
        .map_err(|error| anyhow::anyhow!("--name {error}"))?
        .unwrap_or("command line");
    let row = ApiKeyRow {
        id: Entropy::System.uuid(now),
        merchant_id: merchant.id,
        name: name.to_owned(),
        role: role.to_owned(),
        prefix: key.prefix().to_owned(),
        hash: key.hash().to_vec(),
        created_at: now,
        revoked_at: None,
    };
    api_keys::insert(conn, &row).await?;
    eprintln!("A key with the role {role} for {}, id {}. It is shown this once:", merchant.name, row.id);
    println!("{}", key.expose());
    Ok(())
}

async fn list(conn: &mut Conn, merchant: &Merchant) -> Result<()> {
    println!("{:<36}  {:<12}  {:<8}  {:<24}  {:<24}  name", "id", "prefix", "role", "created", "revoked");
    for key in api_keys::page(conn, merchant.id, Uuid::max(), 1_000).await? {
        let revoked = key.revoked_at.map_or_else(|| "-".to_owned(), rfc3339_millis);
        println!(
            "{:<36}  {:<12}  {:<8}  {:<24}  {revoked:<24}  {}",
            key.id,
            key.prefix,
            key.role,
            rfc3339_millis(key.created_at),
            key.name
        );
    }
    Ok(())
}
