//! The one route table: what every route is called, who may use it, what it touches and what it leaves on the record.

use crate::edge::{self, Edge, throttled};
use crate::{Granted, HttpError, Problem};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, FromRequest, Handler, HttpMessage as _, HttpResponse, Resource, Responder, Route, guard, web};
use bearingwall_audit::{EventType, Phase};
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_rbac::{Permission, PermissionId};

mod spec;

pub use spec::{Content, Location, Parameter, PhiClass, RateClass, RouteSpec, SchemaOf};
pub(crate) use spec::{JSON_LINES, OCTETS};

/// The prefix under which every route needs a token.
pub const SECURED_PREFIX: &str = "/v1";

/// The route that took a request, as `GET /v1/clients/{client_id}`: what may be logged instead of the path.
#[derive(Clone, Copy)]
pub(crate) struct Matched(pub(crate) &'static str);

/// How costly the route is that took a request.
#[derive(Clone, Copy)]
pub(crate) struct Cost(pub(crate) RateClass);

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Holders of a permission.
    Permission(PermissionId),
    /// Anybody, for the reason given.
    Public(&'static str),
}

/// Why a request did not reach its route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It proved no identity.
    Unauthenticated,
    /// Its actor lacks the permission.
    Denied,
    /// It was to end a sign-in, and did not.
    SignIn,
}

impl Refused {
    /// The event that says so.
    pub(crate) const fn event(self) -> EventType {
        match self {
            Self::Unauthenticated => EventType::RequestUnauthenticated,
            Self::Denied => EventType::RequestDenied,
            Self::SignIn => EventType::SignInFailed,
        }
    }
}

/// A route that cannot be served.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// A name is not `METHOD /path`.
    #[error("`{name}` is not a method and a path")]
    Name {
        /// The name.
        name: &'static str,
    },
    /// A secured route stands outside the prefix whose requests prove an identity, or a public one inside.
    #[error("`{name}` stands on the wrong side of the secured prefix")]
    Prefix {
        /// The name.
        name: &'static str,
    },
    /// Two routes have the same name, or the same operation id.
    #[error("`{name}` stands twice in the route table")]
    Duplicate {
        /// The name.
        name: &'static str,
    },
    /// A route says of health information something else than its permission does.
    #[error("`{name}` and its permission differ in whether it touches health information")]
    Phi {
        /// The name.
        name: &'static str,
    },
    /// A route gives access to health information and leaves nothing on the record.
    #[error("`{name}` touches health information and names no audit event")]
    Unrecorded {
        /// The name.
        name: &'static str,
    },
}

impl Classified for RouteError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "HTP-020",
            Self::Prefix { .. } => "HTP-021",
            Self::Duplicate { .. } => "HTP-022",
            Self::Unrecorded { .. } => "HTP-023",
            Self::Phi { .. } => "HTP-024",
        }
    }
}

mod sealed {
    /// Closes [`super::WitnessFirst`]: an impl elsewhere could call any arguments a witness.
    pub trait Sealed {}
}

/// Arguments of a handler whose first is the proof of permission. Implemented for tuples that begin with
/// [`Granted<P>`] and for nothing else, which is why a route without a permission does not compile.
#[diagnostic::on_unimplemented(
    message = "the first argument of this handler is not `Granted<{P}>`",
    label = "a secured route takes the proof of its permission as the first argument of its handler"
)]
pub trait WitnessFirst<P: Permission>: sealed::Sealed {}

macro_rules! witness_first {
    ($($argument:ident)*) => {
        impl<P: Permission, $($argument),*> sealed::Sealed for (Granted<P>, $($argument,)*) {}
        impl<P: Permission, $($argument),*> WitnessFirst<P> for (Granted<P>, $($argument,)*) {}
    };
}
witness_first!();
witness_first!(A);
witness_first!(A B);
witness_first!(A B C);
witness_first!(A B C D);

/// One declared route.
pub struct DeclaredRoute {
    spec: RouteSpec,
    access: Access,
    method: Method,
    path: &'static str,
    mount: Box<dyn Fn() -> Route + Send + Sync>,
}

impl DeclaredRoute {
    /// What was declared.
    #[must_use]
    pub const fn spec(&self) -> &RouteSpec {
        &self.spec
    }

    /// Who may use it.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The path's template.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Exactly what a refusal of it leaves on the record; nothing for a route of which nobody is refused.
    #[must_use]
    pub const fn recorded_refusal(&self, refused: Refused) -> Option<(EventType, Phase)> {
        match self.access {
            Access::Permission(_) => Some((refused.event(), Phase::Completed)),
            Access::Public(_) => None,
        }
    }

    fn route(&self) -> Route {
        (self.mount)()
    }
}

/// Routes while they are being declared.
#[derive(Default)]
pub struct RouteTableBuilder {
    routes: Vec<DeclaredRoute>,
    refused: Option<RouteError>,
}

impl RouteTableBuilder {
    /// Declares a route for holders of `P`. The handler's first argument must be [`Granted<P>`].
    // CONTROL: RBC-1
    #[must_use]
    pub fn secured<P, F, Args>(self, spec: RouteSpec, handler: F) -> Self
    where
        P: Permission,
        F: Handler<Args> + Send + Sync,
        F::Output: Responder + 'static,
        Args: FromRequest + WitnessFirst<P> + 'static,
    {
        self.declare(spec, Access::Permission(P::ID), handler)
    }

    /// Declares a route for anybody. The reason is printed in the matrix.
    #[must_use]
    pub fn public<F, Args>(self, spec: RouteSpec, why: &'static str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.declare(spec, Access::Public(why), handler)
    }

    fn declare<F, Args>(mut self, spec: RouteSpec, access: Access, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let name = spec.name;
        let Some((method, path)) = parse_name(name) else {
            self.refused.get_or_insert(RouteError::Name { name });
            return self;
        };
        let (streamed, rate, guarded) = (spec.streamed, spec.rate, method.clone());
        let is_public = matches!(access, Access::Public(_));
        let mount = move || {
            let matched = guard::fn_guard(move |request| {
                let mut data = request.req_data_mut();
                data.insert(Matched(name));
                data.insert(Cost(rate));
                true
            });
            let route = web::method(guarded.clone()).guard(matched).to(handler.clone());
            let route = if streamed {
                route
            } else {
                route.wrap(from_fn(hold_to_deadline))
            };
            // Who is secured is counted by who asks, with the permission.
            if is_public {
                route.wrap(from_fn(hold_to_rate))
            } else {
                route
            }
        };
        self.routes.push(DeclaredRoute {
            spec,
            access,
            method,
            path,
            mount: Box::new(mount),
        });
        self
    }

    /// Checks the whole table.
    ///
    /// # Errors
    /// The first route that cannot be served as it was declared.
    pub fn finish(self) -> Result<RouteTable, RouteError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        for (at, route) in self.routes.iter().enumerate() {
            let name = route.spec.name;
            let secured = matches!(route.access, Access::Permission(_));
            let inside = route
                .path
                .strip_prefix(SECURED_PREFIX)
                .is_some_and(|rest| rest.starts_with('/'));
            let twice = |other: &DeclaredRoute| other.spec.name == name || other.spec.operation == route.spec.operation;
            if secured != inside {
                return Err(RouteError::Prefix { name });
            }
            if self.routes.iter().take(at).any(twice) {
                return Err(RouteError::Duplicate { name });
            }
            // What a permission opens is what its routes touch: the check of a strong sign-in goes by the permission.
            let opens_phi = matches!(route.access, Access::Permission(permission) if permission.is_phi());
            if opens_phi != (route.spec.phi == PhiClass::Phi) {
                return Err(RouteError::Phi { name });
            }
            if route.spec.phi == PhiClass::Phi && !route.spec.is_accounted_for() {
                return Err(RouteError::Unrecorded { name });
            }
        }
        Ok(RouteTable { routes: self.routes })
    }
}

/// Every route that is served.
pub struct RouteTable {
    routes: Vec<DeclaredRoute>,
}

impl RouteTable {
    /// An empty table to declare into.
    #[must_use]
    pub fn builder() -> RouteTableBuilder {
        RouteTableBuilder::default()
    }

    /// The routes, in the order of their declaration.
    #[must_use]
    pub fn routes(&self) -> &[DeclaredRoute] {
        &self.routes
    }

    /// The services of one worker: secured paths under their prefix, then the public ones.
    pub(crate) fn resources(&self, secured: bool) -> Vec<Resource> {
        let mut paths: Vec<&'static str> = Vec::new();
        for route in self
            .routes
            .iter()
            .filter(|route| matches!(route.access, Access::Permission(_)) == secured)
        {
            if !paths.contains(&route.path) {
                paths.push(route.path);
            }
        }
        paths.into_iter().map(|path| self.resource(path)).collect()
    }

    /// One path with all its methods, so that another method is a 405 and not a 404.
    fn resource(&self, path: &'static str) -> Resource {
        let under = path.strip_prefix(SECURED_PREFIX).unwrap_or(path);
        let mut resource = web::resource(under.replace("*}", ":.+}"));
        let mut allowed = Vec::new();
        for route in self.routes.iter().filter(|route| route.path == path) {
            allowed.push(route.method.as_str());
            resource = resource.route(route.route());
        }
        let allow = HeaderValue::from_str(&allowed.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""));
        resource.default_service(web::to(move || {
            let problem = Problem::method_not_allowed(allow.clone());
            async move { Err::<HttpResponse, Problem>(problem) }
        }))
    }
}

/// Ends a request that takes too long: a body that trickles in, or a dependency that does not answer.
async fn hold_to_deadline(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match tokio::time::timeout(edge.limits().deadline, next.call(request)).await {
        Ok(answer) => answer.map(ServiceResponse::map_into_boxed_body),
        Err(_) => Err(Problem::from(HttpError::Deadline).into()),
    }
}

/// Tells a network to wait that asks too often where nobody is asked who it is.
async fn hold_to_rate(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cost = request
        .extensions()
        .get::<Cost>()
        .map_or(RateClass::Bulk, |cost| cost.0);
    if let Err(too_soon) = edge.buckets().public(edge::visitor(request.request()), cost) {
        let problem = throttled(request.request(), too_soon);
        return Ok(request.error_response(problem));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// `GET /v1/clients` as method and path.
fn parse_name(name: &'static str) -> Option<(Method, &'static str)> {
    const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let (verb, path) = name.split_once(' ')?;
    let method = METHODS.into_iter().find(|method| method.as_str() == verb)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_:.{}".contains(&byte);
    // The one star that there may be stands in a last parameter that takes the rest of the path.
    let whole = path
        .strip_suffix("*}")
        .filter(|before| before.rfind('{') > before.rfind('/'))
        .unwrap_or(path);
    (path.starts_with('/') && !path.ends_with('/') && whole.bytes().all(plain)).then_some((method, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_rbac::{ReadClient, ReadSelf};

    async fn open() -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    async fn own(_: Granted<ReadSelf>) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    async fn client(_: Granted<ReadClient>) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    fn spec(name: &'static str, operation: &'static str) -> RouteSpec {
        RouteSpec::new(name, operation, "For a test.")
    }

    fn refused(builder: RouteTableBuilder) -> RouteError {
        builder.finish().err().unwrap()
    }

    #[test]
    fn rbc_1_a_table_with_an_unsound_route_is_refused_at_start() {
        let table = RouteTable::builder;
        for name in [
            "/v1/me",
            "GET v1/me",
            "FETCH /v1/me",
            "GET /v1/me/",
            "GET /v1/m e",
            "get /v1/me",
            "GET /v1/{rest*}/me",
            "GET /v1/me*",
            "GET /v1/m{e*}*}",
        ] {
            assert_eq!(
                refused(table().secured::<ReadSelf, _, _>(spec(name, "me"), own)),
                RouteError::Name { name }
            );
        }
        let name = "GET /me";
        assert_eq!(
            refused(table().secured::<ReadSelf, _, _>(spec(name, "me"), own)),
            RouteError::Prefix { name }
        );
        let name = "GET /v1/open";
        assert_eq!(
            refused(table().public(spec(name, "open"), "a test", open)),
            RouteError::Prefix { name }
        );
        let name = "GET /v1/clients";
        let unrecorded = table().secured::<ReadClient, _, _>(spec(name, "list").phi(&[]), client);
        assert_eq!(refused(unrecorded), RouteError::Unrecorded { name });
        let unsaid = table().secured::<ReadClient, _, _>(spec(name, "list"), client);
        assert_eq!(refused(unsaid), RouteError::Phi { name });
        let name = "GET /v1/me";
        let too_much = spec(name, "me").phi(&[EventType::ClientRead]);
        assert_eq!(
            refused(table().secured::<ReadSelf, _, _>(too_much, own)),
            RouteError::Phi { name }
        );
        let name = "GET /v1/clients";
        // Of personal data itself, an event that is not announced is too late; of the record, it is the look.
        let late = spec(name, "list").phi(&[]).records(&[EventType::ClientRead]);
        let late = table().secured::<ReadClient, _, _>(late, client);
        assert_eq!(refused(late), RouteError::Unrecorded { name });
        let look = spec(name, "list").phi(&[]).records(&[EventType::AccessLogRead]);
        assert!(table().secured::<ReadClient, _, _>(look, client).finish().is_ok());
        let twice = table()
            .secured::<ReadSelf, _, _>(spec("GET /v1/me", "me"), own)
            .secured::<ReadSelf, _, _>(spec("GET /v1/me", "other"), own);
        assert_eq!(refused(twice), RouteError::Duplicate { name: "GET /v1/me" });
    }
}
