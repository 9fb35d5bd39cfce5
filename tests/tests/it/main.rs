//! The one integration-test binary; each module is a subject of the contract.
//!
//! `both!` runs a test on the embedded default and on PostgreSQL + Redis + SMTP; the others say what they stand on.
#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

mod audit_log;
mod bulk_upload;
mod calendar;
mod candidate_page;
mod cli;
mod cli_register;
mod credentials;
mod dead_jobs;
mod demo;
mod description;
mod document_example;
mod erasure;
mod errors;
mod house_rules;
mod http_habits;
mod idempotency;
mod interview_calendars;
mod interview_documents;
mod interview_moves;
mod interview_races;
mod interview_rules;
mod interview_waiting;
mod invites;
mod lanes;
mod link_reminders;
mod links;
mod mail_delivery;
mod mail_order;
mod mail_policy;
mod merchants;
mod named_merchant;
mod odd_input;
mod odd_people_input;
mod other_issuers;
mod outages;
mod queue;
mod recovery;
mod reference_data_isolation;
mod registration_rules;
mod registrations;
mod reminders;
mod request_rules;
mod results;
mod results_in_time;
mod revoked_tokens;
mod row_rules;
mod schema;
mod secrets;
mod simulated;
mod smtp_client;
mod stale_mail;
mod user_tokens;
mod waiting;
