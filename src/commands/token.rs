//! `convoke token`: a user's token for trying things, signed with the service's own secret.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use shared::clock::{Clock, Entropy};
use shared::db::{Db, users};

use crate::cli::{self, Settings};

/// `convoke token`
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(flatten)]
    settings: Settings,
    /// The user's `subject`: the id as text, where no other was given
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
    /// How long it is valid, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    expires_in: i64,
}

/// Prints the token alone, so that a shell can take it up; what it is goes to the other stream.
pub(crate) async fn run(args: &TokenArgs) -> Result<ExitCode> {
    let config = cli::parsed(&args.settings.raw()?)?;
    let db = Db::connect(&config.database, 1, config.lease).await?;
    db.migrate().await?;
    let found = users::find_subject(&mut db.read().await?, &args.subject).await?;
    db.close().await;
    let now = Clock::System.now();
    let expires_at = now.timestamp() + args.expires_in;
    let claims = json!({
        "sub": args.subject, "scp": "user", "aud": null, "iat": now.timestamp(), "exp": expires_at,
        "jti": Entropy::System.uuid(now),
    });
    let key = EncodingKey::from_secret(config.jwt_secret.expose());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?;
    match found {
        Some(user) => {
            eprintln!(
                "A token of {} ({}, user {}), valid for {} s:",
                user.title, user.role, user.id, args.expires_in
            );
        }
        None => eprintln!(
            "No user has the subject {} yet: the token is refused until POST /api/v1/users makes one with it.",
            args.subject
        ),
    }
    println!("{token}");
    Ok(ExitCode::SUCCESS)
}
