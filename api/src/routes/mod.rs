//! The routes: a file per resource, named as its path.

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod automated_interviews;
pub(crate) mod batches;
pub(crate) mod captured_mails;
pub(crate) mod definitions;
pub(crate) mod health;
pub(crate) mod interview_take;
pub(crate) mod interviewees;
pub(crate) mod interviews;
pub(crate) mod merchants;
pub(crate) mod messages;
pub(crate) mod openapi;
pub(crate) mod operations;
pub(crate) mod paging;
pub(crate) mod people;
pub(crate) mod positions;
pub(crate) mod register_users;
pub(crate) mod registrations;
pub(crate) mod revoked_tokens;
mod together;
pub(crate) mod tokens;
pub(crate) mod users;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Principal;
use crate::description;
use crate::problem::Problem;

/// Whether the process lives and works.
fn health() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(description::beginning())
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
}

/// Every path with its description: what `routes!` does not take is not served.
pub(crate) fn described() -> OpenApiRouter<App> {
    health()
        .routes(routes!(register_users::post))
        .routes(routes!(register_users::post_by_other_name))
        .routes(routes!(operations::show))
        .routes(routes!(batches::list, batches::create::post))
        .routes(routes!(batches::show))
        .routes(routes!(batches::results::get))
        .routes(routes!(batches::events::get))
        .routes(routes!(registrations::list))
        .routes(routes!(registrations::show))
        .routes(routes!(registrations::resend))
        .routes(routes!(registrations::revoke))
        .routes(routes!(registrations::reissue))
        .routes(routes!(registrations::complete))
        .routes(routes!(tokens::inspect))
        .routes(routes!(tokens::redeem))
        .routes(routes!(interview_take::show, interview_take::begin))
        .routes(routes!(merchants::list, merchants::create))
        .routes(routes!(merchants::show, merchants::change))
        .routes(routes!(definitions::list, definitions::create))
        .routes(routes!(definitions::show, definitions::change))
        .routes(routes!(positions::list, positions::create))
        .routes(routes!(positions::show, positions::change))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::show, api_keys::change, api_keys::revoke))
        .routes(routes!(messages::list))
        .routes(routes!(captured_mails::list))
        .routes(routes!(captured_mails::show))
        .routes(routes!(interviews::list, interviews::create::post))
        .routes(routes!(interviews::show))
        .routes(routes!(interviews::moves::amend))
        .routes(routes!(interviews::moves::accept))
        .routes(routes!(interviews::moves::reject))
        .routes(routes!(interviews::moves::cancel))
        .routes(routes!(interviews::moves::complete))
        .routes(routes!(interviews::moves::no_show))
        .routes(routes!(interviews::own::list))
        .routes(routes!(interviews::own::show))
        .routes(routes!(interviews::own::amend))
        .routes(routes!(interviews::own::accept))
        .routes(routes!(interviews::own::reject))
        .routes(routes!(interviews::own::cancel))
        .routes(routes!(automated_interviews::invite))
        .routes(routes!(automated_interviews::revoke))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::show, users::change))
        .routes(routes!(interviewees::list, interviewees::create))
        .routes(routes!(interviewees::show, interviewees::change))
        .routes(routes!(revoked_tokens::post))
        .routes(routes!(audit::list))
        .routes(routes!(people::export, people::erase))
        .routes(routes!(openapi::show))
        .routes(routes!(openapi::page))
}

/// Every path, and what answers where there is none.
pub(crate) fn router() -> Router<App> {
    with_fallbacks(described())
}

/// The health paths alone.
pub(crate) fn health_routes() -> Router<App> {
    with_fallbacks(health())
}

fn with_fallbacks(described: OpenApiRouter<App>) -> Router<App> {
    let (routes, _) = described.split_for_parts();
    routes.fallback(nothing).method_not_allowed_fallback(no_such_method)
}

/// A path without a route. Whoever sends a credential is counted all the same.
async fn nothing(principal: Result<Principal, Problem>) -> Problem {
    match principal {
        Err(problem @ Problem::TooManyRequests(_)) => problem,
        Ok(_) | Err(_) => Problem::NotFound("There is nothing at this path."),
    }
}

/// A route without the method.
async fn no_such_method(principal: Result<Principal, Problem>) -> Problem {
    match principal {
        Err(problem @ Problem::TooManyRequests(_)) => problem,
        Ok(_) | Err(_) => Problem::MethodNotAllowed,
    }
}
