//! Looking at a link: whose it is, and whether it opens (`CONTRACT.md` section 7). Nothing here consumes.

use shared::db::registrations::{self, Registration};
use shared::domain::{InvitationStatus, LinkToken};

use crate::app::App;
use crate::problem::Problem;

/// Why a link does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It was used, or the interview is done.
    Used,
    /// Its time is over.
    Expired,
    /// It was taken back, or a newer one replaced it.
    Revoked,
    /// It is not one of ours.
    Unknown,
}

/// What a look at a link found.
#[derive(Debug)]
pub(crate) enum Visit {
    /// It would open now.
    Open(Box<Registration>),
    /// It is known, and does not open.
    Known(Box<Registration>, Closed),
    /// It is unknown or forged.
    Unknown,
}

impl Visit {
    /// The registration, where the token is one of ours.
    pub(crate) fn registration(&self) -> Option<&Registration> {
        match self {
            Self::Open(registration) | Self::Known(registration, _) => Some(registration),
            Self::Unknown => None,
        }
    }

    /// The registration of a link that opens.
    pub(crate) fn opened(self) -> Result<Registration, Closed> {
        match self {
            Self::Open(registration) => Ok(*registration),
            Self::Known(_, closed) => Err(closed),
            Self::Unknown => Err(Closed::Unknown),
        }
    }
}

/// Looks at a token. A forged one costs no read.
pub(crate) async fn look(app: &App, token: &str) -> Result<Visit, Problem> {
    let Ok(token) = LinkToken::parse(&app.config.token_keys, token) else { return Ok(Visit::Unknown) };
    let Some(registration) = registrations::find(&mut app.db.read().await?, token.registration).await? else {
        return Ok(Visit::Unknown);
    };
    if !token.proves(&app.config.token_keys, registration.merchant_id, &registration.nonce) {
        return Ok(Visit::Unknown);
    }
    Ok(match closed(app, &registration, token.generation) {
        None => Visit::Open(Box::new(registration)),
        Some(why) => Visit::Known(Box::new(registration), why),
    })
}

/// The registration that a genuine token names, whatever became of its link since.
pub(crate) async fn named_by(app: &App, token: &str) -> Result<Option<Registration>, Problem> {
    Ok(look(app, token).await?.registration().cloned())
}

/// Why a generation of a registration's link does not open, after a race for it was lost.
pub(crate) async fn why_closed(app: &App, id: i64, generation: i64) -> Result<Closed, Problem> {
    let found = registrations::find(&mut app.db.read().await?, id).await?;
    Ok(found.and_then(|registration| closed(app, &registration, generation)).unwrap_or(Closed::Used))
}

fn closed(app: &App, registration: &Registration, generation: i64) -> Option<Closed> {
    if registration.generation != generation {
        return Some(Closed::Revoked);
    }
    match registration.status(app.clock.now()) {
        InvitationStatus::Pending => None,
        InvitationStatus::Started | InvitationStatus::Completed => Some(Closed::Used),
        InvitationStatus::Expired => Some(Closed::Expired),
        InvitationStatus::Revoked => Some(Closed::Revoked),
    }
}
