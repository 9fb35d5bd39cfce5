//! Convoke's HTTP side.

pub mod pages;
