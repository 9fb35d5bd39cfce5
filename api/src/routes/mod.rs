//! The routes: a file per resource, named as its path.

pub(crate) mod api_keys;
pub(crate) mod batches;
pub(crate) mod captured_mails;
pub(crate) mod definitions;
pub(crate) mod health;
pub(crate) mod interview_take;
pub(crate) mod merchants;
pub(crate) mod messages;
pub(crate) mod operations;
pub(crate) mod paging;
pub(crate) mod positions;
pub(crate) mod register_users;
pub(crate) mod registrations;
pub(crate) mod tokens;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::app::App;
use crate::auth::Principal;
use crate::problem::Problem;

/// Whether the process lives and works.
pub(crate) fn health_routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(nothing)
        .method_not_allowed_fallback(no_such_method)
}

/// Every path.
pub(crate) fn routes() -> Router<App> {
    health_routes()
        .route("/functions/v1/job-interview-register-users", post(register_users::post))
        .route("/job-interview-register-users", post(register_users::post))
        .route("/api/v1/operations/{id}", get(operations::show))
        .route("/api/v1/batches", get(batches::list).post(batches::create::post))
        .route("/api/v1/batches/{id}", get(batches::show))
        .route("/api/v1/batches/{id}/results", get(batches::results::get))
        .route("/api/v1/batches/{id}/events", get(batches::events::get))
        .route("/api/v1/registrations", get(registrations::list))
        .route("/api/v1/registrations/{id}", get(registrations::show))
        .route("/api/v1/registrations/{id}/resend", post(registrations::resend))
        .route("/api/v1/registrations/{id}/revoke", post(registrations::revoke))
        .route("/api/v1/registrations/{id}/reissue", post(registrations::reissue))
        .route("/api/v1/registrations/{id}/complete", post(registrations::complete))
        .route("/api/v1/tokens/redeem", post(tokens::redeem))
        .route("/api/v1/tokens/inspect", post(tokens::inspect))
        .route("/interview/take/{interview}", get(interview_take::show).post(interview_take::begin))
        .route("/api/v1/merchants", get(merchants::list).post(merchants::create))
        .route("/api/v1/merchants/{id}", get(merchants::show).patch(merchants::change))
        .route("/api/v1/interview-definitions", get(definitions::list).post(definitions::create))
        .route("/api/v1/interview-definitions/{id}", get(definitions::show).patch(definitions::change))
        .route("/api/v1/positions", get(positions::list).post(positions::create))
        .route("/api/v1/positions/{id}", get(positions::show).patch(positions::change))
        .route("/api/v1/api-keys", get(api_keys::list).post(api_keys::create))
        .route(
            "/api/v1/api-keys/{id}",
            get(api_keys::show).patch(api_keys::change).merge(delete(api_keys::revoke)),
        )
        .route("/api/v1/messages", get(messages::list))
        .route("/api/v1/captured-mails", get(captured_mails::list))
        .route("/api/v1/captured-mails/{id}", get(captured_mails::show))
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
