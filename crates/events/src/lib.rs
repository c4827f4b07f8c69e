#![doc = include_str!("../README.md")]

mod canonical;
mod event;
mod vocabulary;

pub use canonical::{CanonicalError, parse_line};
pub use event::Event;
pub use vocabulary::{Action, EventType, Kind, Subtype};
