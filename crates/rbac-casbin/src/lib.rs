//! casbin behind the policy port: a strict reader of its own, then the engine, asked at start only.
#![doc = include_str!("../README.md")]

mod engine;
mod rules;

pub use engine::{CasbinEngine, CasbinError, MODEL, POLICY};
pub use rules::{Defect, Rule};
