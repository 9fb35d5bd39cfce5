//! `GET /openapi.json`: the description of every path here, this one too.

use axum::http::header;
use axum::response::IntoResponse;

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
