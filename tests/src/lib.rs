//! The black-box test harness: private PostgreSQL, Redis and SMTP servers, the real binary, a client, a browser.
//!
//! Nothing here knows how Convoke is built inside; it starts programs and speaks to them over their sockets.
//! Whatever is started is ended with the test process, even when that is killed (see [`reaper`]).

pub mod answer;
pub mod browser;
pub mod calendar;
pub mod client;
pub mod convoke;
pub mod env;
pub mod issuer;
pub mod mailbox;
pub mod merchant;
pub mod people;
pub mod ports;
pub mod postgres;
pub mod program;
pub mod reaper;
pub mod redis;
pub mod smtp;
pub mod until;

pub use answer::Answer;
pub use client::Client;
pub use convoke::{Convoke, Stack};
pub use env::Env;
pub use merchant::Merchant;
pub use people::People;
pub use program::Program;
pub use until::until;
