//! The domain: types that parse once, states and their moves, tokens, backoff. Pure: no database, no network, no clock.

mod email;
mod instant;
mod lane;
mod secret;
mod text;

pub use email::{EmailAddress, EmailError};
pub use instant::rfc3339_millis;
pub use lane::Lane;
pub use secret::Secret;
pub use text::{TextError, line};
