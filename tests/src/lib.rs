//! Black-box tests, and the real servers they run against: each starts private instances and ends them.

pub mod redis;
pub mod smtp;
