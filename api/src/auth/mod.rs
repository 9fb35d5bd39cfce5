//! Who asks: the platform itself, an API key, or a user; and for which merchant.

pub(crate) mod jwks;
mod origin;
pub(crate) mod token;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use shared::db::merchants::{self, Merchant};
use shared::db::users::{self, User};
use shared::db::{Conn, api_keys, revoked_tokens};
use shared::domain::{ApiKey, Role};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::app::App;
use crate::body::Fields;
use crate::limit::Standing;
use crate::problem::Problem;
use crate::routes::paging::ABSENT;
pub(crate) use origin::{Origin, RequestId};
use token::{Bearer, Token};

const MISSING: &str =
    "Send a credential: `Authorization: Bearer …`, or an API key as `apiKey` or `X-API-Key`.";
const NEEDED: &str = "is required with a service credential";
const UNKNOWN: &str = "The credential is not valid: it is unknown, mistyped, expired or revoked.";

/// A recognised credential, and where the request came from.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    who: Who,
    /// The token that was presented, where one was.
    pub(crate) token: Option<Token>,
    pub(crate) origin: Origin,
}

/// Whose credential it is.
#[derive(Clone, Debug)]
enum Who {
    /// The platform itself: every merchant, which it must name.
    Service,
    /// An API key of one merchant.
    Key { id: Uuid, merchant: Box<Merchant>, role: Role },
    /// A user of one merchant.
    User { user: Box<User>, merchant: Box<Merchant>, role: Role },
}

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let presented = presented(&parts.headers).ok_or(Problem::Unauthorized(MISSING))?;
        let (who, token) = recognise(app, presented).await?;
        let origin = Origin::of(parts, app.config.trust_forwarded);
        let principal = Self { who, token, origin };
        if let (Some(limiter), Some(standing)) = (&app.limiter, parts.extensions.get::<Standing>()) {
            limiter.count(&principal.actor(), standing)?;
        }
        Ok(principal)
    }
}

/// The credential as it was sent: the bearer's first, then the key headers.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let bearer = text("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer.or_else(|| text("apikey")).or_else(|| text("x-api-key")).filter(|value| !value.is_empty())
}

async fn recognise(app: &App, presented: &str) -> Result<(Who, Option<Token>), Problem> {
    let service = app.config.service_key.expose();
    if bool::from(service.as_bytes().ct_eq(presented.as_bytes())) {
        return Ok((Who::Service, None));
    }
    if let Some(key) = ApiKey::parse(presented) {
        return Ok((key_holder(app, &key).await?, None));
    }
    let token = app.verifier.verify(presented, app.clock.now()).ok_or(Problem::Unauthorized(UNKNOWN))?;
    Ok((token_holder(app, &token).await?, Some(token)))
}

async fn key_holder(app: &App, key: &ApiKey) -> Result<Who, Problem> {
    let mut conn = app.db.read().await?;
    // Looked up by its SHA-256, so that how long it takes tells nothing of a stored key.
    let row = api_keys::find_live(&mut conn, &key.hash()).await?.ok_or(Problem::Unauthorized(UNKNOWN))?;
    let merchant =
        merchants::find(&mut conn, row.merchant_id).await?.ok_or(Problem::Unauthorized(UNKNOWN))?;
    let role = row.role.parse().map_err(|_| Problem::Internal)?;
    Ok(Who::Key { id: row.id, merchant: Box::new(merchant), role })
}

async fn token_holder(app: &App, token: &Token) -> Result<Who, Problem> {
    let unknown = || Problem::Unauthorized(UNKNOWN);
    let mut conn = app.db.read().await?;
    let (who, owner) = match &token.bearer {
        Bearer::Service => (Who::Service, Uuid::nil()),
        Bearer::User(subject) => {
            let user = users::find_subject(&mut conn, subject).await?.ok_or_else(unknown)?;
            let merchant = merchants::find(&mut conn, user.merchant_id).await?.ok_or_else(unknown)?;
            let (role, owner) = (user.role.parse().map_err(|_| Problem::Internal)?, merchant.id);
            (Who::User { user: Box::new(user), merchant: Box::new(merchant), role }, owner)
        }
    };
    match &token.jti {
        Some(jti) if revoked_tokens::is_revoked(&mut conn, owner, jti).await? => Err(unknown()),
        _ => Ok(who),
    }
}

impl Principal {
    /// The merchant that a request is about: the caller's own, or the one that is named where that is allowed.
    /// `pointer` says where it was, or should have been, named.
    pub(crate) async fn merchant(
        &self,
        conn: &mut Conn,
        named: Option<Uuid>,
        pointer: &str,
    ) -> Result<Merchant, Problem> {
        self.must_not_be_candidate()?;
        match (self.own(), named) {
            (None, None) => Err(Problem::invalid(pointer, NEEDED)),
            (None, Some(id)) => merchants::find(conn, id)
                .await?
                .ok_or(Problem::NotFound("There is no merchant with this id.")),
            (Some(own), None) => Ok(own.clone()),
            (Some(own), Some(id)) if own.id == id => Ok(own.clone()),
            (Some(own), Some(id)) if self.role() == Some(Role::Admin) => {
                match merchants::find(conn, id).await? {
                    Some(sub) if sub.parent_id == Some(own.id) => Ok(sub),
                    _ => Err(another_merchant()),
                }
            }
            (Some(_), Some(_)) => Err(another_merchant()),
        }
    }

    /// The merchant that a body's `merchant_id` names, or the caller's own. What is wrong with the member is told with
    /// everything else that is wrong: then there is `None`.
    pub(crate) async fn merchant_of(
        &self,
        app: &App,
        fields: &mut Fields<'_>,
    ) -> Result<Option<Merchant>, Problem> {
        let named = fields.uuid("merchant_id");
        if fields.value("merchant_id").is_some() && named.is_none() {
            return Ok(None);
        }
        if named.is_none() && self.is_service() {
            fields.wrong("merchant_id", NEEDED);
            return Ok(None);
        }
        self.merchant(&mut app.db.read().await?, named, "/merchant_id").await.map(Some)
    }

    /// Refuses what belongs to a merchant that this principal does not see, or to another one than it names; either
    /// is absent for it.
    pub(crate) async fn must_see(
        &self,
        conn: &mut Conn,
        owner: Uuid,
        named: Option<Uuid>,
    ) -> Result<(), Problem> {
        if named.is_some() && self.merchant(conn, named, "?merchant_id").await?.id != owner {
            return Err(Problem::NotFound(ABSENT));
        }
        if self.sees(conn, owner).await? { Ok(()) } else { Err(Problem::NotFound(ABSENT)) }
    }

    /// Whether something of this merchant may be seen at all; what may not is absent.
    pub(crate) async fn sees(&self, conn: &mut Conn, owner: Uuid) -> Result<bool, Problem> {
        Ok(match self.own() {
            None => true,
            Some(own) if own.id == owner => true,
            Some(own) if self.role() == Some(Role::Admin) => {
                merchants::find(conn, owner).await?.is_some_and(|sub| sub.parent_id == Some(own.id))
            }
            Some(_) => false,
        })
    }

    /// The merchant whose credential it is; `None`: the platform's own.
    pub(crate) const fn own(&self) -> Option<&Merchant> {
        match &self.who {
            Who::Service => None,
            Who::Key { merchant, .. } | Who::User { merchant, .. } => Some(merchant),
        }
    }

    /// The user, where a user asks.
    pub(crate) const fn user(&self) -> Option<&User> {
        match &self.who {
            Who::User { user, .. } => Some(user),
            Who::Service | Who::Key { .. } => None,
        }
    }

    const fn role(&self) -> Option<Role> {
        match &self.who {
            Who::Service => None,
            Who::Key { role, .. } | Who::User { role, .. } => Some(*role),
        }
    }

    /// Whether it is the platform itself.
    pub(crate) const fn is_service(&self) -> bool {
        matches!(self.who, Who::Service)
    }

    /// The platform itself only.
    pub(crate) fn must_be_service(&self) -> Result<(), Problem> {
        if self.is_service() {
            return Ok(());
        }
        Err(Problem::Forbidden("Only the service credential may do this.".to_owned()))
    }

    /// The platform or a merchant's admin.
    pub(crate) fn must_be_admin(&self) -> Result<(), Problem> {
        match self.role() {
            None | Some(Role::Admin) => Ok(()),
            Some(role) => Err(needs("admin", role)),
        }
    }

    /// The platform, an admin or staff: whoever may work with candidates and their links.
    pub(crate) fn must_be_staff(&self) -> Result<(), Problem> {
        match self.role() {
            None | Some(Role::Admin | Role::Staff) => Ok(()),
            Some(role) => Err(needs("admin or staff", role)),
        }
    }

    /// Anyone but candidates, who have paths of their own.
    pub(crate) fn must_not_be_candidate(&self) -> Result<(), Problem> {
        match self.role() {
            Some(role @ Role::Candidate) => Err(needs("admin, staff or operator", role)),
            _ => Ok(()),
        }
    }

    /// A user, for paths that show users what is theirs.
    pub(crate) fn must_be_user(&self) -> Result<&User, Problem> {
        self.user().ok_or_else(|| {
            Problem::Forbidden("This path is for users: send a user's token, not a key.".to_owned())
        })
    }

    /// Operators see batches, but never links.
    pub(crate) fn sees_links(&self) -> bool {
        self.role() != Some(Role::Operator)
    }

    /// The credential as the audit log and the limits call it.
    pub(crate) fn actor(&self) -> String {
        match &self.who {
            Who::Service => "service".to_owned(),
            Who::Key { id, .. } => format!("api_key/{id}"),
            Who::User { user, .. } => format!("user/{}", user.id),
        }
    }
}

/// Somebody names a merchant for whom they may not act.
pub(crate) fn another_merchant() -> Problem {
    Problem::Forbidden("merchant_id is another merchant's; leave it out, or name your own.".to_owned())
}

fn needs(wanted: &str, role: Role) -> Problem {
    Problem::Forbidden(format!("This needs the role {wanted}; the credential's role is {}.", role.as_str()))
}
