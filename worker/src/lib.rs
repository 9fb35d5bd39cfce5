//! Convoke's workers: what is taken from the queue is done here.

pub mod mail;
