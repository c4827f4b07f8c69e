//! The HTTP edge: one route table, a witness for every permission, one place for errors.
#![doc = include_str!("../README.md")]

mod access_log;
mod access_review;
mod application;
mod assignments;
mod audit;
mod authentication;
mod break_glass;
mod chart_notes;
mod clients;
mod connectors;
mod deidentified;
mod edge;
mod fault;
mod gates;
mod granted;
mod imports;
mod invoices;
mod matrix;
mod me;
mod messages;
mod openapi;
mod outbox;
mod pages;
mod paging;
mod pii;
mod precondition;
mod probes;
mod problem;
mod rates;
mod refusals;
mod roles;
pub mod routes;
mod scrape;
mod server;
mod services;
mod sessions;
mod sign_out;
mod subscriptions;
mod visitor;
mod webhook_events;
mod webhooks;

pub use application::Application;
pub use assignments::{Assigned, Assignments};
pub use authentication::BREAK_GLASS;
pub use edge::CORRELATION_ID;
pub use fault::HttpError;
pub use granted::{Granted, PURPOSE};
pub use matrix::matrix;
pub use openapi::openapi;
pub use problem::{PROBLEM_JSON, Problem, ProblemBody};
pub use rates::{PerMinute, Rates};
pub use routes::{RouteError, RouteSpec, RouteTable};
pub use server::{ListenError, RunningServer, ServerOptions};
pub use services::{Check, Limits, Readiness, Services, StaffSessions};
pub use sessions::{CSRF, OpenSession, OwnPageCookie, Sessions, SignInAnswer, SignInBegun, SignInFinished};
pub use sign_out::SignOut;
pub use subscriptions::TenantConnectors;
pub use visitor::TrustedProxies;
pub use webhooks::Webhooks;

/// Every route of the API.
///
/// # Errors
/// When the table is not sound; the server then does not start.
pub fn app_routes() -> Result<RouteTable, RouteError> {
    let table = RouteTable::builder();
    let table = probes::routes(table);
    let table = sessions::routes(table);
    let table = sign_out::routes(table);
    let table = pages::routes(table);
    let table = me::routes(table);
    let table = clients::routes(table);
    let table = chart_notes::routes(table);
    let table = invoices::routes(table);
    let table = messages::routes(table);
    let table = deidentified::routes(table);
    let table = access_log::routes(table);
    let table = audit::routes(table);
    let table = break_glass::routes(table);
    let table = roles::routes(table);
    let table = access_review::routes(table);
    let table = pii::routes(table);
    let table = webhooks::routes(table);
    let table = subscriptions::routes(table);
    let table = connectors::routes(table);
    let table = webhook_events::routes(table);
    let table = gates::routes(table);
    let table = outbox::routes(table);
    table.finish()
}
