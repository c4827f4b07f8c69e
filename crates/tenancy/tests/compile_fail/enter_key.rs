//! An enter key goes in and does not come out.

use bearingwall_core::Sensitive;
use bearingwall_tenancy::EnterKey;

pub fn work(secret: &Sensitive<Vec<u8>>) {
    let Some(key) = EnterKey::new(1, secret) else { return };
    let _ = key.mac; //~ E0616 field `mac`
    let _ = key.expose(); //~ E0599 no method named `expose` found
    let _ = format!("{key}"); //~ E0277 Display
    let _: &[u8] = key.as_ref(); //~ E0599 no method named `as_ref` found
    let _: Vec<u8> = key.clone().into(); //~ E0277 From<
    let _ = key == key; //~ E0369 binary operation `==` cannot be applied
    drop(key);
}
