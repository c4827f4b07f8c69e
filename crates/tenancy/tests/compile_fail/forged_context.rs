//! A context has one constructor, and its name says what it assumes.

use bearingwall_core::{Ctx, CtxParts, CustomerId, SubjectId};

pub fn work(parts: CtxParts, customer: CustomerId, subject: SubjectId, mut ctx: Ctx) -> Ctx {
    let assumed = Ctx::danger_assume_verified(parts.clone());
    let _ = Ctx::new(parts.clone()); //~ E0599 named `new` found
    let _: Ctx = Default::default(); //~ E0277 Default
    let _: Ctx = parts.clone().into(); //~ E0277 From
    let _: Ctx = (customer, subject).into(); //~ E0277 From
    let _: Ctx = "{}".parse().unwrap(); //~ E0277 From
    let _ = ctx.parts.customer; //~ E0616 field `parts`
    ctx.customer() = customer; //~ E0070 invalid left-hand side of assignment
    let _ = ctx.with_customer(customer); //~ E0599 no method named `with_customer` found
    let _ = (customer, subject, &mut ctx);
    assumed
}
