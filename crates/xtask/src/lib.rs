#![doc = include_str!("../README.md")]

pub mod controls;
pub mod layers;
pub mod report;
pub mod repository;
pub mod rust_source;
pub mod tidy;
pub mod train_pii;
pub mod vectors;
