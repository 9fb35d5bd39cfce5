//! Who asks: the service itself or an API key, and for which merchant (`CONTRACT.md` section 3).

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use shared::db::merchants::{self, Merchant};
use shared::db::{Conn, api_keys};
use shared::domain::{ApiKey, Role};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::app::App;
use crate::body::Fields;
use crate::limit::Standing;
use crate::problem::Problem;
use crate::routes::paging::ABSENT;
use crate::service_token;

const MISSING: &str =
    "Send a credential: `Authorization: Bearer …`, or an API key as `apiKey` or `X-API-Key`.";
const NEEDED: &str = "is required with a service credential";
const UNKNOWN: &str = "The credential is not valid: it is unknown, mistyped or revoked.";

/// A recognised credential.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// The platform itself: every merchant, which it must name.
    Service,
    /// An API key of one merchant.
    Key {
        /// Its merchant.
        merchant: Box<Merchant>,
        /// What it may do.
        role: Role,
    },
}

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let presented = presented(&parts.headers).ok_or(Problem::Unauthorized(MISSING))?;
        let (principal, account) = recognise(app, presented).await?;
        if let (Some(limiter), Some(standing)) = (&app.limiter, parts.extensions.get::<Standing>()) {
            limiter.count(&account, standing)?;
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

/// Gives the principal, and the account under which its requests are counted.
async fn recognise(app: &App, presented: &str) -> Result<(Principal, String), Problem> {
    let service = app.config.service_key.expose();
    if bool::from(service.as_bytes().ct_eq(presented.as_bytes())) {
        return Ok((Principal::Service, "service".to_owned()));
    }
    if service_token::is_valid(app.config.jwt_secret.expose(), presented, app.clock.now()) {
        return Ok((Principal::Service, "service".to_owned()));
    }
    let key = ApiKey::parse(presented).ok_or(Problem::Unauthorized(UNKNOWN))?;
    let mut conn = app.db.read().await?;
    // Looked up by its SHA-256, so that how long it takes tells nothing of a stored key.
    let row = api_keys::find_live(&mut conn, &key.hash()).await?.ok_or(Problem::Unauthorized(UNKNOWN))?;
    let merchant =
        merchants::find(&mut conn, row.merchant_id).await?.ok_or(Problem::Unauthorized(UNKNOWN))?;
    let role = row.role.parse().map_err(|_| Problem::Internal)?;
    Ok((Principal::Key { merchant: Box::new(merchant), role }, row.id.to_string()))
}

impl Principal {
    /// The merchant that a request is about: the key's own, or the one that is named where that is allowed.
    /// `pointer` says where it was, or should have been, named.
    pub(crate) async fn merchant(
        &self,
        conn: &mut Conn,
        named: Option<Uuid>,
        pointer: &str,
    ) -> Result<Merchant, Problem> {
        match (self, named) {
            (Self::Service, None) => Err(Problem::invalid(pointer, NEEDED)),
            (Self::Service, Some(id)) => merchants::find(conn, id)
                .await?
                .ok_or(Problem::NotFound("There is no merchant with this id.")),
            (Self::Key { merchant, .. }, None) => Ok((**merchant).clone()),
            (Self::Key { merchant, .. }, Some(id)) if merchant.id == id => Ok((**merchant).clone()),
            (Self::Key { merchant, role: Role::Admin }, Some(id)) => match merchants::find(conn, id).await? {
                Some(sub) if sub.parent_id == Some(merchant.id) => Ok(sub),
                _ => Err(another_merchant()),
            },
            (Self::Key { .. }, Some(_)) => Err(another_merchant()),
        }
    }

    /// The merchant that a body's `merchant_id` names, or the key's own. What is wrong with the member is told with
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
        if named.is_none() && matches!(self, Self::Service) {
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
        Ok(match self {
            Self::Service => true,
            Self::Key { merchant, .. } if merchant.id == owner => true,
            Self::Key { merchant, role: Role::Admin } => {
                merchants::find(conn, owner).await?.is_some_and(|sub| sub.parent_id == Some(merchant.id))
            }
            Self::Key { .. } => false,
        })
    }

    /// The platform itself only.
    pub(crate) fn must_be_service(&self) -> Result<(), Problem> {
        match self {
            Self::Service => Ok(()),
            Self::Key { .. } => {
                Err(Problem::Forbidden("Only the service credential may do this.".to_owned()))
            }
        }
    }

    /// The platform or a merchant's admin.
    pub(crate) fn must_be_admin(&self) -> Result<(), Problem> {
        match self {
            Self::Service | Self::Key { role: Role::Admin, .. } => Ok(()),
            Self::Key { role, .. } => Err(needs("admin", *role)),
        }
    }

    /// The platform, an admin or staff: whoever may work with candidates and their links.
    pub(crate) fn must_be_staff(&self) -> Result<(), Problem> {
        match self {
            Self::Service | Self::Key { role: Role::Admin | Role::Staff, .. } => Ok(()),
            Self::Key { role: role @ Role::Operator, .. } => Err(needs("admin or staff", *role)),
        }
    }

    /// Operators see batches, but never links.
    pub(crate) const fn sees_links(&self) -> bool {
        !matches!(self, Self::Key { role: Role::Operator, .. })
    }
}

fn another_merchant() -> Problem {
    Problem::Forbidden("merchant_id is another merchant's; leave it out, or name your own.".to_owned())
}

fn needs(wanted: &str, role: Role) -> Problem {
    Problem::Forbidden(format!(
        "This needs a key with the role {wanted}; the key's role is {}.",
        role.as_str()
    ))
}
