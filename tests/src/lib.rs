//! What the black-box tests stand on: private servers that a test starts, breaks and throws away.

pub mod redis;
