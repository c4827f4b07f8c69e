//! A hot standby.
