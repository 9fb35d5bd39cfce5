//! Parameters of the URL, and cursor paging: `limit`, `cursor`, `next_cursor`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::app::App;
use crate::body::{INSTANT, instant};
use crate::problem::Problem;
use crate::routes::together::Together;

/// The parameters after `?`. Unknown ones are ignored; a known one of the wrong type is a 422.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl FromRequestParts<App> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        // No column can hold a NUL, so what has one matches nothing.
        let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
        Ok(Self(pairs.map(|(name, value)| (name, value.replace('\0', "\u{FFFD}"))).collect()))
    }
}

/// `merchant_id` in the URL.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
pub(crate) struct OfMerchant {
    /// Whose it is: required with the service credential, else the credential's own.
    #[param(nullable = false)]
    merchant_id: Option<Uuid>,
}

/// A page of a list that is ordered by UUID.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
pub(crate) struct PageByUuid {
    /// How many at most.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<Uuid>,
}

/// A page of a list that is ordered by number.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Query`")]
pub(crate) struct PageByNumber {
    /// How many at most.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(nullable = false, format = "number-cursor")]
    cursor: Option<String>,
}

impl Query {
    /// The first parameter of this name.
    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that may be any text; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.first(name).filter(|value| !value.is_empty())
    }

    /// A parsed parameter.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.first(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| Problem::invalid(format!("?{name}"), format!("must be {expected}")))
    }

    /// A UUID.
    pub(crate) fn uuid(&self, name: &str) -> Result<Option<Uuid>, Problem> {
        self.parsed(name, "a UUID")
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.parsed(name, "true or false")
    }

    /// One of a few words.
    pub(crate) fn word(&self, name: &str, known: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.first(name) else { return Ok(None) };
        match known.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(Problem::invalid(format!("?{name}"), format!("must be one of {}", known.join(", ")))),
        }
    }

    /// An RFC 3339 instant; a `+` that the query's decoding made a space of is understood.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
        let Some(text) = self.first(name) else { return Ok(None) };
        match instant(&text.replace(' ', "+")) {
            Some(instant) => Ok(Some(instant)),
            None => Err(Problem::invalid(format!("?{name}"), INSTANT)),
        }
    }

    /// `merchant_id`.
    pub(crate) fn merchant_id(&self) -> Result<Option<Uuid>, Problem> {
        self.uuid("merchant_id")
    }

    /// `limit`, 100 where nothing is said, 1,000 at most.
    pub(crate) fn limit(&self) -> Result<i64, Problem> {
        let limit: i64 = self.parsed("limit", "a whole number from 1 to 1000")?.unwrap_or(100);
        let fits = (1..=1_000).contains(&limit);
        if fits {
            Ok(limit)
        } else {
            Err(Problem::invalid("?limit", "must be a whole number from 1 to 1000"))
        }
    }

    /// `limit`, `cursor` and `merchant_id`; where there is no cursor, the list begins at `start`.
    pub(crate) fn page<C: std::str::FromStr>(&self, start: C) -> Result<Page<C>, Problem> {
        let (limit, start, merchant_id) =
            (self.limit(), self.cursor(start), self.merchant_id()).together()?;
        Ok(Page { limit, start, merchant_id })
    }

    /// `cursor`: the last id of the page before, or the given start.
    pub(crate) fn cursor<T: std::str::FromStr>(&self, start: T) -> Result<T, Problem> {
        Ok(self.parsed("cursor", "the next_cursor of an earlier page")?.unwrap_or(start))
    }
}

/// Which page of which merchant's list.
pub(crate) struct Page<C> {
    pub(crate) limit: i64,
    pub(crate) start: C,
    pub(crate) merchant_id: Option<Uuid>,
}

/// The id at the end of a path. One that is no id names nothing: 404, like any other unknown one.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::NotFound(ABSENT))
}

/// What is said of anything that is not there, or another merchant's.
pub(crate) const ABSENT: &str = "There is no such resource, or it belongs to another merchant.";

/// The items of a page, and the cursor of the next one where there is one. `rows` may have one more than `limit`, which
/// is how it is known that there is more.
pub(crate) fn cut<T, I>(
    mut rows: Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> String,
    item: impl Fn(T) -> I,
) -> (Vec<I>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    (rows.into_iter().map(item).collect(), next)
}
