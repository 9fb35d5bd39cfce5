//! A link, made anew from its parts wherever it is shown: no token is stored.

use shared::domain::{LinkToken, ViewFlags, link_url};
use uuid::Uuid;

use crate::app::App;

/// What makes a link, wherever its parts were read.
pub(crate) struct LinkParts<'a> {
    pub(crate) merchant: Uuid,
    pub(crate) base_url: Option<&'a str>,
    pub(crate) interview: Uuid,
    pub(crate) registration: i64,
    pub(crate) generation: i64,
    pub(crate) key_id: i64,
    pub(crate) nonce: &'a [u8],
    pub(crate) flags: ViewFlags,
}

/// The link, made anew from its parts; `None` where its key is no longer configured.
pub(crate) fn link(app: &App, parts: &LinkParts<'_>) -> Option<String> {
    let keys = &app.config.token_keys;
    let token = LinkToken::mint(
        keys,
        parts.key_id,
        parts.merchant,
        parts.registration,
        parts.generation,
        parts.nonce,
    )?;
    let base = parts.base_url.unwrap_or(&app.config.public_url);
    Some(link_url(base, parts.interview, &token.encode(keys)?, parts.flags))
}
