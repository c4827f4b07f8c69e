//! The baseline: the same answer from actix and a diesel-async pool, with no identity, no permission, no isolation, no
//! record and no encryption.

use actix_web::{App, HttpResponse, HttpServer, web};
use diesel::prelude::*;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use std::net::{SocketAddr, TcpListener};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const SCHEMA: &str = "
    CREATE SCHEMA IF NOT EXISTS bare;
    CREATE TABLE IF NOT EXISTS bare.clients (id uuid PRIMARY KEY, version bigint NOT NULL, created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL, first_name text NOT NULL, last_name text NOT NULL, date_of_birth text NOT NULL,
        phone text, email text, street text, city text, state text, postal_code text, allergies text, conditions text,
        marketing_opt_in boolean NOT NULL);
    CREATE TABLE IF NOT EXISTS bare.accesses (id uuid PRIMARY KEY, client_id uuid NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());";

diesel::table! {
    bare.clients (id) {
        id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        first_name -> Text,
        last_name -> Text,
        date_of_birth -> Text,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        street -> Nullable<Text>,
        city -> Nullable<Text>,
        state -> Nullable<Text>,
        postal_code -> Nullable<Text>,
        allergies -> Nullable<Text>,
        conditions -> Nullable<Text>,
        marketing_opt_in -> Bool,
    }
}

diesel::table! {
    bare.accesses (id) {
        id -> Uuid,
        client_id -> Uuid,
    }
}

#[derive(Queryable, Serialize)]
struct Client {
    id: Uuid,
    version: i64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    first_name: String,
    last_name: String,
    date_of_birth: String,
    phone: Option<String>,
    email: Option<String>,
    street: Option<String>,
    city: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    allergies: Option<String>,
    conditions: Option<String>,
    marketing_opt_in: bool,
}

type Connections = Pool<AsyncPgConnection>;

async fn read(pool: web::Data<Connections>, id: web::Path<Uuid>) -> HttpResponse {
    let mut connection = pool.get().await.unwrap();
    select(&mut connection, *id).await
}

async fn read_recorded(pool: web::Data<Connections>, id: web::Path<Uuid>) -> HttpResponse {
    let mut connection = pool.get().await.unwrap();
    diesel::insert_into(accesses::table)
        .values((accesses::id.eq(Uuid::now_v7()), accesses::client_id.eq(*id)))
        .execute(&mut connection)
        .await
        .unwrap();
    select(&mut connection, *id).await
}

async fn select(connection: &mut AsyncPgConnection, id: Uuid) -> HttpResponse {
    match clients::table.find(id).first::<Client>(connection).await {
        Ok(client) => HttpResponse::Ok().json(client),
        Err(_) => HttpResponse::NotFound().finish(),
    }
}

/// Serves on a thread of its own until the process ends.
pub(crate) fn serve(database_url: String, workers: usize, connections: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(database_url);
            let pool = web::Data::new(Pool::builder(manager).max_size(connections).build().unwrap());
            HttpServer::new(move || {
                App::new()
                    .app_data(pool.clone())
                    .route("/bare/{id}", web::get().to(read))
                    .route("/bare-recorded/{id}", web::get().to(read_recorded))
            })
            .workers(workers)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run()
            .await
            .unwrap();
        });
    });
    address
}
