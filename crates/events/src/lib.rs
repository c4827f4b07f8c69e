#![doc = include_str!("../README.md")]

mod canonical;
mod event;
pub mod render;
mod vocabulary;

pub use canonical::{CanonicalError, parse_line};
pub use event::Event;
pub use vocabulary::{Action, EventType, Kind, Subtype};
