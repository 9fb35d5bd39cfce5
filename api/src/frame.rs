//! What every request and response goes through: request id, timing, security headers, `ETag`, and the writing out of
//! problems (`CONTRACT.md` section 1).

use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::BytesMut;
use futures_util::StreamExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::auth::RequestId;
use crate::idempotency;
use crate::limit::Standing;
use crate::problem::{Problem, Unwritten};
use crate::routes::paging::ABSENT;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a request waits for the ledger: the 503 is said within two seconds.
const PATIENCE: Duration = Duration::from_millis(1_800);

/// Wraps every route.
pub(crate) async fn frame(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(&app, request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let if_none_match = request.headers().get(header::IF_NONE_MATCH).cloned();
    let standing = Standing::default();
    request.extensions_mut().insert(standing.clone());
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id = %id);
    let mut response = if let (&Method::POST, Err(problem)) = (&method, idempotency::key(request.headers())) {
        axum::response::IntoResponse::into_response(problem)
    } else if is_open(&app, &path).await {
        tracing::Instrument::instrument(next.run(request), span).await
    } else {
        axum::response::IntoResponse::into_response(Problem::Unavailable)
    };
    if response.extensions().get::<Unwritten>().is_none() {
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => response = keep_allow(&response),
            // The router's own: a path that is no UTF-8 names nothing.
            StatusCode::BAD_REQUEST => {
                response = axum::response::IntoResponse::into_response(Problem::NotFound(ABSENT));
            }
            _ => {}
        }
    }
    if let Some(Unwritten(document)) = response.extensions_mut().remove::<Unwritten>() {
        write_problem(&mut response, document, &path, &id);
    }
    if is_json(response.headers()) {
        response = tag(response, &method, if_none_match.as_ref()).await;
    }
    standing.write(response.headers_mut());
    dress(&mut response, &id, begun);
    tracing::debug!(%method, %path, status = response.status().as_u16(), request_id = %id, "answered");
    response
}

/// Until the ledger is there, only the health paths are answered; whoever asks just before it is, waits.
async fn is_open(app: &App, path: &str) -> bool {
    if *app.open.borrow() || matches!(path, "/healthz" | "/readyz") {
        return true;
    }
    let mut open = app.open.clone();
    tokio::time::timeout(PATIENCE, open.wait_for(|open| *open)).await.is_ok_and(|open| open.is_ok())
}

/// A well-formed incoming id is echoed: 1 to 128 letters, digits, `-`, `_`, `.` or `:`.
fn request_id(app: &App, headers: &HeaderMap) -> String {
    let formed = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    match headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(formed) {
        Some(id) => id.to_owned(),
        None => app.entropy.uuid(app.clock.now()).to_string(),
    }
}

/// The router's own 405, as a problem that keeps its `Allow`.
fn keep_allow(response: &Response) -> Response {
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut problem = axum::response::IntoResponse::into_response(Problem::MethodNotAllowed);
    if let Some(allow) = allow {
        problem.headers_mut().insert(header::ALLOW, allow);
    }
    problem
}

/// Whether a path speaks JobMojito's contract, whose clients read `error` and `name`.
fn is_jobmojito(path: &str) -> bool {
    path.trim_end_matches('/').ends_with("/job-interview-register-users")
}

fn write_problem(response: &mut Response, mut document: Value, path: &str, id: &str) {
    document["instance"] = path.into();
    document["request_id"] = id.into();
    if is_jobmojito(path) {
        document["error"] = document["detail"].clone();
        let kind = document["type"].as_str().unwrap_or_default();
        document["name"] = kind.rsplit('/').next().unwrap_or_default().into();
    }
    *response.body_mut() = Body::from(document.to_string());
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/json") || kind.starts_with("application/problem+json")
}

/// Adds the weak `ETag` and what goes with it; answers 304 to whoever has the body already. A streamed body passes.
async fn tag(response: Response, method: &Method, if_none_match: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        // The source documents' spelling.
        let kind = HeaderValue::from_static("application/json; charset=utf-8");
        parts.headers.insert(header::CONTENT_TYPE, kind);
    }
    parts.headers.insert(header::VARY, HeaderValue::from_static("Accept, Origin"));
    let fallback = HeaderValue::from_static("max-age=0, private, must-revalidate");
    parts.headers.entry(header::CACHE_CONTROL).or_insert(fallback);
    if body.size_hint_exact().is_none() {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return axum::response::IntoResponse::into_response(Problem::Internal);
    };
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let etag = format!("W/\"{}\"", hex::encode(&digest[..16]));
    let known = if_none_match.and_then(|v| v.to_str().ok()).is_some_and(|list| {
        list.trim() == "*" || list.split(',').any(|t| t.trim().trim_start_matches("W/") == &etag[2..])
    });
    if let Ok(value) = HeaderValue::from_str(&etag) {
        parts.headers.insert(header::ETAG, value);
    }
    if known && parts.status == StatusCode::OK && (method == Method::GET || method == Method::HEAD) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

trait ExactSize {
    fn size_hint_exact(&self) -> Option<u64>;
}

impl ExactSize for Body {
    fn size_hint_exact(&self) -> Option<u64> {
        use axum::body::HttpBody;
        self.size_hint().exact()
    }
}

/// The headers that every response has.
fn dress(response: &mut Response, id: &str, begun: Instant) {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-frame-options", "SAMEORIGIN"),
        ("x-xss-protection", "0"),
        ("x-content-type-options", "nosniff"),
        ("x-permitted-cross-domain-policies", "none"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
    ] {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Ok(runtime) = HeaderValue::from_str(&format!("{:.6}", begun.elapsed().as_secs_f64())) {
        headers.insert(HeaderName::from_static("x-runtime"), runtime);
    }
}

/// A trailing slash is accepted on every path: the routes stand without one.
pub(crate) fn without_trailing_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.len() > 1 && path.ends_with('/') {
        let trimmed = path.trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
        let with_query = match request.uri().query() {
            Some(query) => format!("{trimmed}?{query}"),
            None => trimmed.to_owned(),
        };
        let mut parts = request.uri().clone().into_parts();
        if let Ok(path_and_query) = with_query.parse() {
            parts.path_and_query = Some(path_and_query);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}

/// What is still read of a body that is too large, so that its sender gets to hear the answer.
const DRAINED: usize = 64 * 1024 * 1024;
const DRAINED_FOR: Duration = Duration::from_secs(5);

/// Reads a body whole, at most `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<bytes::Bytes, Problem> {
    let mut chunks = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Problem::Malformed("The body ended before it was complete.".to_owned()))?;
        if read.len() + chunk.len() > limit {
            drop(read);
            drain(chunks).await;
            return Err(Problem::TooLarge(limit));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// Reads on and keeps nothing: whoever sends first and listens later would only see the connection break.
pub(crate) async fn drain(mut chunks: axum::body::BodyDataStream) {
    let reading = async {
        let mut left = DRAINED;
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAINED_FOR, reading).await;
}
