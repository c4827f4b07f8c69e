//! First-party pages: fixed files, compiled in, that hold no data and may load nothing but each other.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_SECURITY_POLICY;

/// What a page of ours may do: run its own script, look as its own style sheet says, and ask this server.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const WHY: &str = "a file that says the same to everybody; what it asks for is asked for with permission";

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let spec = |name, operation, summary, media: &'static str| {
        RouteSpec::new(name, operation, summary).rate(RateClass::Light).answers(
            200,
            "The file.",
            Some(Content::text(media)),
        )
    };
    let page = spec(
        "GET /pages/pii",
        "page_pii",
        "The page on which a text is tried, and what is found in it is shown with its reason.",
        "text/html",
    );
    let style = spec("GET /pages/pii.css", "page_pii_style", "Its style sheet.", "text/css");
    let script = spec("GET /pages/pii.js", "page_pii_script", "Its script.", "text/javascript");
    table
        .public(page, WHY, async || file(HTML, include_str!("pages/pii.html")))
        .public(style, WHY, async || file(CSS, include_str!("pages/pii.css")))
        .public(script, WHY, async || file(SCRIPT, include_str!("pages/pii.js")))
}

// CONTROL: HTP-6
fn file(media: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .body(content)
}
