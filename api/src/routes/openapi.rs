//! `GET /openapi.json` and `GET /docs`: the description of every path here, these two as well.

use axum::http::header;
use axum::response::{Html, IntoResponse};

use crate::description;

/// This description
///
/// OpenAPI 3.1, made from the routes themselves.
#[utoipa::path(
    get, path = "/openapi.json", tag = "Description", operation_id = "show_description", security(()),
    responses((status = 200, description = "The description.", body = Object, content_type = "application/json"))
)]
pub(crate) async fn show() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], description::json())
}

/// This description, for people
///
/// One page without scripts, which loads nothing from elsewhere.
#[utoipa::path(
    get, path = "/docs", tag = "Description", operation_id = "read_description", security(()),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"))
)]
pub(crate) async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, description::CSP.as_str()),
        (header::CACHE_CONTROL, "max-age=300"),
    ];
    (headers, Html(description::HTML.as_str()))
}
