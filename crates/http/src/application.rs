//! Mounts the route table behind the edge; what a worker serves is exactly this.

use crate::edge::{self, Edge};
use crate::probes::{Document, LastLook};
use crate::routes::{RouteTable, SECURED_PREFIX};
use crate::{HttpError, Limits, Problem, Services, authentication, openapi};
use actix_web::error::{JsonPayloadError, UrlencodedError};
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use std::sync::Arc;

/// Bytes of a form: a logout token of the longest that is looked at.
const FORM_BYTES: usize = 24 * 1024;

/// Adds a use-case handle to a worker.
type Extra = Arc<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;

/// Everything that the workers of one server share.
#[derive(Clone)]
pub struct Application {
    routes: Arc<RouteTable>,
    edge: web::Data<Edge>,
    document: web::Data<Document>,
    last_look: web::Data<LastLook>,
    extra: Vec<Extra>,
}

impl Application {
    /// The routes behind the edge.
    #[must_use]
    pub fn new(routes: RouteTable, services: Services, limits: Limits) -> Self {
        // Pretty-printing a JSON value cannot fail.
        let document = serde_json::to_string_pretty(&openapi(&routes)).unwrap_or_default();
        Self {
            routes: Arc::new(routes),
            edge: web::Data::new(Edge::new(services, limits)),
            document: web::Data::new(Document(document.into())),
            last_look: web::Data::new(LastLook::default()),
            extra: Vec::new(),
        }
    }

    /// Makes a use-case handle available to handlers as `web::Data<T>`.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, handle: T) -> Self {
        let handle = web::Data::new(handle);
        self.extra.push(Arc::new(move |config| {
            config.app_data(handle.clone());
        }));
        self
    }

    /// The routes that are served.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// Adds everything to one worker's app: `App::new().configure(|config| application.configure(config))`.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        let limits = self.edge.limits();
        config
            .app_data(self.edge.clone())
            .app_data(self.document.clone())
            .app_data(self.last_look.clone())
            .app_data(
                web::JsonConfig::default()
                    .limit(limits.json_bytes)
                    .error_handler(|error, _| body(&error).into()),
            )
            .app_data(
                web::FormConfig::default()
                    .limit(FORM_BYTES)
                    .error_handler(|error, _| form(&error).into()),
            )
            .app_data(web::PathConfig::default().error_handler(|_, _| Problem::from(HttpError::UnknownPath).into()))
            .app_data(web::QueryConfig::default().error_handler(|_, _| Problem::from(HttpError::Query).into()));
        for extra in &self.extra {
            extra(config);
        }
        let secured = self
            .routes
            .resources(true)
            .into_iter()
            .fold(web::scope(SECURED_PREFIX), actix_web::Scope::service)
            .default_service(web::to(unknown_path))
            .wrap(from_fn(authentication::authenticate));
        let all = self
            .routes
            .resources(false)
            .into_iter()
            .fold(web::scope("").service(secured), actix_web::Scope::service)
            .default_service(web::to(unknown_path))
            .wrap(from_fn(edge::serve));
        config.service(all);
    }
}

async fn unknown_path() -> Result<HttpResponse, Problem> {
    Err(HttpError::UnknownPath.into())
}

/// What is told about a JSON body that cannot be read: where reading stopped, never what stood there.
fn body(error: &JsonPayloadError) -> Problem {
    Problem::from(match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => HttpError::BodySize,
        JsonPayloadError::ContentType => HttpError::MediaType,
        JsonPayloadError::Deserialize(error) => HttpError::Body {
            line: error.line(),
            column: error.column(),
        },
        _ => HttpError::Body { line: 0, column: 0 },
    })
}

/// The same of a form.
fn form(error: &UrlencodedError) -> Problem {
    Problem::from(match error {
        UrlencodedError::Overflow { .. } => HttpError::BodySize,
        UrlencodedError::ContentType => HttpError::MediaType,
        _ => HttpError::Body { line: 0, column: 0 },
    })
}
