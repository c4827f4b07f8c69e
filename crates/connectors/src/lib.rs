#![doc = include_str!("../README.md")]

pub mod egress;
pub mod mail;
pub mod webhooks;
