//! What it costs to know who calls and whether they may: one handler behind the edge, once open to anybody and once behind
//! token, list of ended sessions, permission and rate limits; and the share of that in reading one client.
//!
//! Requests are handed to the application in this thread, without a socket, so that a difference of microseconds can be seen.
//! What is left out makes the share larger than it is for a caller.

use crate::full::Stage;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{self, TestRequest};
use actix_web::{App, Error};
use bearingwall_http::{Application, Granted, RouteSpec, RouteTable, app_routes};
use bearingwall_rbac::ReadSelf;
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Turns of each variant, interleaved.
const TURNS: usize = 31;
/// Requests of a turn, of those that answer from memory.
const LIGHT: usize = 4_000;
/// Requests of a turn that read the client.
const READS: usize = 150;

/// Microseconds for each request, a figure for each turn.
#[derive(Default)]
struct Figures {
    cpu: Vec<f64>,
    wall: Vec<f64>,
}

pub(crate) fn run(stage: &Stage) {
    actix_web::rt::System::new().block_on(measure(stage));
}

async fn open() -> &'static str {
    "answered"
}

async fn own(_: Granted<ReadSelf>) -> &'static str {
    "answered"
}

fn routes() -> RouteTable {
    RouteTable::builder()
        .public(RouteSpec::new("GET /open", "open", "Answers."), "the baseline", open)
        .secured::<ReadSelf, _, _>(RouteSpec::new("GET /v1/own", "own", "Answers."), own)
        .finish()
        .unwrap()
}

async fn measure(stage: &Stage) {
    let light = stage.application(routes());
    let light = test::init_service(App::new().configure(|config| light.configure(config))).await;
    let whole: Application = stage.application(app_routes().unwrap());
    let whole = test::init_service(App::new().configure(|config| whole.configure(config))).await;
    let bearer = format!("Bearer {}", stage.token());
    let client = format!("/v1/clients/{}", stage.client());
    let request = |path: &str| TestRequest::get().uri(path);
    let open = || request("/open").to_request();
    let with_token = |path: &str| {
        request(path)
            .insert_header(("Authorization", bearer.as_str()))
            .to_request()
    };
    let mut figures: [Figures; 3] = Default::default();
    for at in 0..=TURNS {
        let turns = [
            turn(&light, (0..LIGHT).map(|_| open()).collect()).await,
            turn(&light, (0..LIGHT).map(|_| with_token("/v1/own")).collect()).await,
            turn(&whole, (0..READS).map(|_| with_token(&client)).collect()).await,
        ];
        // The first one fills the pool and the cache.
        for (figures, (cpu, wall)) in figures.iter_mut().zip(turns).filter(|_| at > 0) {
            figures.cpu.push(cpu);
            figures.wall.push(wall);
        }
    }
    report(&figures);
}

/// Processor time of this process, and time that passes, for each request.
async fn turn<S, R>(service: &S, requests: Vec<R>) -> (f64, f64)
where
    S: Service<R, Response = ServiceResponse, Error = Error>,
{
    let count = requests.len() as f64;
    let (cpu, wall) = (on_cpu(), Instant::now());
    for request in requests {
        let response = service.call(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
    }
    let each = |taken: Duration| taken.as_secs_f64() * 1e6 / count;
    (each(on_cpu() - cpu), each(wall.elapsed()))
}

/// Of the whole process, because the connections to the database are served by other threads of it, and nothing else runs.
fn on_cpu() -> Duration {
    Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap())
}

fn report(figures: &[Figures; 3]) {
    let [open, own, read] = figures;
    println!("\nwho calls and whether they may; {TURNS} turns of {LIGHT} and {READS} requests, in process");
    println!("{:<46} {:>9} {:>9}", "", "CPU µs", "wall µs");
    for (name, figures) in [
        ("one answer from memory, open to anybody", open),
        ("the same behind token and permission", own),
        ("GET one client, all controls", read),
    ] {
        println!(
            "{name:<46} {:>9.2} {:>9.2}",
            median(&figures.cpu),
            median(&figures.wall)
        );
    }
    let differences =
        |own: &[f64], open: &[f64]| own.iter().zip(open).map(|(own, open)| own - open).collect::<Vec<_>>();
    let cpu = median(&differences(&own.cpu, &open.cpu));
    let wall = median(&differences(&own.wall, &open.wall));
    println!(
        "{:<46} {cpu:>9.2} {wall:>9.2}",
        "token and permission (median of differences)"
    );
    println!(
        "{:<46} {:>8.2}% {:>8.2}%",
        "their share in GET one client",
        100.0 * cpu / median(&read.cpu),
        100.0 * wall / median(&read.wall)
    );
}

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
