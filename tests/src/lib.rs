//! What the black-box tests are made of: servers that misbehave on command.

pub mod smtp;
