//! What the API and the workers share: the domain, the ledger, the queue and the configuration.
//!
//! `domain` is pure; all SQL is in `db`; Redis and the job library are in `queue`. No HTTP and no mail here.

pub mod clock;
pub mod config;
pub mod db;
pub mod domain;
pub mod queue;
pub mod telemetry;
