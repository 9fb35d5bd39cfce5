//! Convoke's HTTP side. `routes/` has a file per resource; around them stand the frame (ids, headers, problems), the
//! credentials, the reading of bodies, and the accepting of work. Nothing here sends mail or knows Redis.

mod app;
mod auth;
mod body;
pub mod description;
mod frame;
mod idempotency;
mod limit;
pub mod pages;
mod plain;
mod prefer;
pub mod problem;
mod render;
mod routes;
mod session;
mod submit;
mod visit;
mod wait;

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::{Router, ServiceExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::{Layer, Service};
use tower_http::catch_panic::CatchPanicLayer;

pub use app::App;
pub use auth::jwks::JwksError;

/// Every path, framed. Trailing slashes are dropped before the routes are looked up.
pub fn service(
    app: &App,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
    let routes: Router = routes::router()
        .layer(CatchPanicLayer::custom(|_| {
            axum::response::IntoResponse::into_response(problem::Problem::Internal)
        }))
        .layer(from_fn_with_state(app.clone(), frame::frame))
        .with_state(app.clone());
    tower::util::MapRequestLayer::new(frame::without_trailing_slash).layer(routes)
}

/// How long the port stays open after readiness went false.
const LINGER: Duration = Duration::from_millis(500);

/// Serves until `stopping` turns true, then lets requests finish.
pub async fn serve(
    app: App,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let make =
        ServiceExt::<Request>::into_make_service_with_connect_info::<std::net::SocketAddr>(service(&app));
    let until = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
        // Balancers see `/readyz` say no before the port closes.
        tokio::time::sleep(LINGER).await;
    };
    axum::serve(axum::serve::ListenerExt::tap_io(listener, |socket| drop(socket.set_nodelay(true))), make)
        .with_graceful_shutdown(until)
        .await
}

/// Serves the health paths alone, for a process without an API.
pub async fn serve_health(
    app: App,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let routes: Router =
        routes::health_routes().layer(from_fn_with_state(app.clone(), frame::frame)).with_state(app);
    let until = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(until).await
}
