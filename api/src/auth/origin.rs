//! Where a request came from, and what it leaves in the audit log.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use shared::clock::Clock;
use shared::db::audit::{self, NewEntry};
use shared::db::{Conn, DbError};
use uuid::Uuid;

use super::Principal;

/// The request's id, as it is answered; the frame gives it.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// Which request, from where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    request_id: String,
    address: Option<IpAddr>,
}

impl Origin {
    /// Reads what the frame and the socket know. `X-Forwarded-For` counts where it is said to be trusted: the last
    /// address in it, which the nearest proxy wrote.
    pub(super) fn of(parts: &Parts, trust_forwarded: bool) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let forwarded = forwarded
            .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
            .filter(|_| trust_forwarded);
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        Self { request_id, address: forwarded.or(peer) }
    }
}

impl Principal {
    /// Adds an entry to the audit log, in the transaction of what it tells. `merchant` is whose data it is about, the
    /// nil UUID for the platform's own.
    pub(crate) async fn note(
        &self,
        conn: &mut Conn,
        clock: &Clock,
        merchant: Uuid,
        action: &str,
        subject: Option<&str>,
    ) -> Result<(), DbError> {
        let address = self.origin.address.map(|address| address.to_string());
        let entry = NewEntry {
            merchant_id: merchant,
            actor: &self.actor(),
            action,
            subject,
            request_id: &self.origin.request_id,
            address: address.as_deref(),
        };
        audit::insert(conn, &entry, clock.now()).await
    }
}
