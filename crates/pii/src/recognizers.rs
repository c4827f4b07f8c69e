//! One module for each family of values; [`crate::scan`] says where they are asked.

pub(crate) mod address;
pub(crate) mod ages;
pub(crate) mod cued;
pub(crate) mod dates;
pub(crate) mod email;
pub(crate) mod names;
pub(crate) mod net;
pub(crate) mod numbers;
pub(crate) mod phone;
pub(crate) mod secrets;
pub(crate) mod shape;
pub(crate) mod url;
