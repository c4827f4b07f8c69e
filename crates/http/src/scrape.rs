//! What stands behind the metrics' own listener: the numbers, and nothing else.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};
use bearingwall_telemetry::Metrics;
use std::sync::Arc;

pub(crate) fn configure(config: &mut web::ServiceConfig, metrics: Arc<Metrics>) {
    config
        .app_data(web::Data::from(metrics))
        .route("/metrics", web::get().to(numbers));
}

async fn numbers(metrics: web::Data<Metrics>) -> HttpResponse {
    match metrics.render() {
        Ok(text) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, Metrics::CONTENT_TYPE))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(text),
        Err(error) => {
            tracing::error!(error = %error, "the metrics could not be written down");
            HttpResponse::InternalServerError().finish()
        }
    }
}
