//! The probes, and the server on a real socket.

use crate::fakes::{send, world, world_with};
use actix_web::test::TestRequest;
use bearingwall_http::{Limits, RunningServer, ServerOptions, app_routes};
use bearingwall_telemetry::Metrics;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[actix_web::test]
async fn probes_tell_alive_and_ready_and_the_look_is_kept_for_a_second() {
    let world = world(app_routes().unwrap());
    let health = send(&world.application, TestRequest::get().uri("/healthz")).await;
    assert_eq!(
        (health.status.as_u16(), health.body.as_str()),
        (200, "{\"status\":\"alive\"}")
    );
    for _ in 0..5 {
        let ready = send(&world.application, TestRequest::get().uri("/readyz")).await;
        assert_eq!(
            ready.json(),
            serde_json::json!({ "status": "ready", "checks": ["database", "keys"], "warnings": ["keys"] })
        );
    }
    assert_eq!(world.readiness.asked.load(Ordering::Relaxed), 1);
}

#[actix_web::test]
async fn a_server_that_cannot_work_says_so_without_saying_why() {
    let world = world_with(app_routes().unwrap(), Limits::default(), false);
    let ready = send(&world.application, TestRequest::get().uri("/readyz")).await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()["code"].as_str()),
        (503, Some("HTP-012"))
    );
    assert!(ready.header("retry-after").is_some());
    assert!(!ready.body.contains("database"));
}

async fn exchange(address: std::net::SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[actix_web::test]
async fn the_server_serves_cuts_off_slow_heads_and_stops_when_told() {
    let world = world(app_routes().unwrap());
    let options = ServerOptions {
        workers: 1,
        request_head: Duration::from_millis(300),
        ..ServerOptions::default()
    };
    let server = RunningServer::bind(world.application, "127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let client = async {
        let answer = exchange(address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("x-correlation-id: "),
            "{answer}"
        );
        let slow = exchange(address, "GET /healthz HTTP/1.1\r\nHost").await;
        assert!(slow.is_empty() || slow.starts_with("HTTP/1.1 408"), "{slow}");
        stop.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(server.run(async { stopped.await.unwrap() }), client);
    ended.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[actix_web::test]
async fn the_metrics_listener_serves_numbers_and_nothing_else() {
    let metrics = Arc::new(Metrics::new("1.2.3", || 5));
    let server = RunningServer::bind_metrics(Arc::clone(&metrics), "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let client = async {
        let ask = async |line: &str| {
            exchange(
                address,
                &format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            )
            .await
        };
        let answer = ask("GET /metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-type: application/openmetrics-text"),
            "{answer}"
        );
        assert!(answer.contains("\nbearingwall_refusals_lost_total 5\n"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
        for (line, status) in [
            ("GET /", "404"),
            ("GET /healthz", "404"),
            ("GET /v1/me", "404"),
            ("GET /openapi.json", "404"),
            ("POST /metrics", "404"),
        ] {
            let answer = ask(line).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {answer}");
            assert!(!answer.contains("bearingwall"), "{line}: {answer}");
        }
        stop.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(server.run(async { stopped.await.unwrap() }), client);
    ended.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
