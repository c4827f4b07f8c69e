//! Enter by another door: the caller's own token, the worker's lease, the canary, break-glass.

use super::attack::Attack;
use super::attack::Judge::{Allows, Answers};
use super::attack::Step::Sql;

const READ: &str = "SELECT * FROM crm.clients; SELECT * FROM crm.chart_notes; SELECT * FROM tenancy.registry()";

/// Logs in to B with a token and enters with the ticket.
macro_rules! login {
    ($id:literal, $name:literal, $token:literal) => {
        Attack::new(
            $id,
            $name,
            &[
                Sql("ROLLBACK; BEGIN"),
                Sql(concat!(
                    "SELECT tenancy.enter('{b}', l.subject, gen_random_uuid(), l.expiry_ms, l.nonce, 0::smallint, '{us-east-1,eu-west-1}', l.mac) FROM tenancy.login('",
                    $token,
                    "', '{b}') l"
                )),
                Sql(READ),
            ],
        )
        .ours()
    };
}

pub(crate) const LOGIN: &[Attack] = &[
    login!("L01", "log in to B with one's own token", "{jwt_a}"),
    login!("L02", "log in with an expired token of B", "{jwt_b_expired}"),
    login!("L03", "log in with a token of B that never expires", "{jwt_b_endless}"),
    login!("L04", "log in with a token of B for another audience", "{jwt_b_audience}"),
    login!("L05", "log in with a token of B by another issuer", "{jwt_b_issuer}"),
    login!("L06", "log in with a token of B that is not valid yet", "{jwt_b_early}"),
    login!("L07", "log in with B's identity token", "{jwt_b_id_token}"),
    login!("L08", "log in with a token under an unknown key id", "{jwt_b_kid}"),
    login!("L09", "log in with a token without a key id", "{jwt_b_no_kid}"),
    login!("L10", "log in with a token that another key of the same id signed", "{jwt_b_other_key}"),
    login!("L11", "log in with B's claims under one's own signature", "{jwt_b_swapped}"),
    login!("L12", "log in with algorithm none", "{jwt_b_none}"),
    login!("L13", "log in with an HMAC under the public key", "{jwt_b_hmac}"),
    login!("L14", "log in with a token that names no tenant", "{jwt_nobody}"),
    login!("L15", "log in to B as platform staff without break-glass", "{jwt_staff}"),
    login!("L16", "log in with nothing", ""),
    login!("L17", "replay B's own token within its life", "{jwt_b}").residual("ticket-replay"),
    Attack::new("L18", "put B into one's own ticket", &[
        Sql("ROLLBACK; BEGIN"),
        Sql("SELECT tenancy.enter('{b}', l.subject, gen_random_uuid(), l.expiry_ms, l.nonce, 0::smallint, '{us-east-1,eu-west-1}', l.mac) FROM tenancy.login('{jwt_a}', '{a}') l"),
        Sql(READ),
    ])
    .ours(),
    Attack::new("L19", "make one's own ticket last", &[
        Sql("ROLLBACK; BEGIN"),
        Sql("SELECT tenancy.enter('{a}', l.subject, gen_random_uuid(), l.expiry_ms + 1, l.nonce, 0::smallint, '{us-east-1,eu-west-1}', l.mac) FROM tenancy.login('{jwt_a}', '{a}') l"),
    ])
    .judge(Allows)
    .ours(),
    Attack::new("L20", "put another person into one's own ticket", &[
        Sql("ROLLBACK; BEGIN"),
        Sql("SELECT tenancy.enter('{a}', '{nobody}', gen_random_uuid(), l.expiry_ms, l.nonce, 0::smallint, '{us-east-1,eu-west-1}', l.mac) FROM tenancy.login('{jwt_a}', '{a}') l"),
    ])
    .judge(Allows)
    .ours(),
    Attack::new("L21", "use one's own ticket under the server's key id", &[
        Sql("ROLLBACK; BEGIN"),
        Sql("SELECT tenancy.enter('{b}', l.subject, gen_random_uuid(), l.expiry_ms, l.nonce, 1::smallint, '{us-east-1,eu-west-1}', l.mac) FROM tenancy.login('{jwt_a}', '{a}') l"),
        Sql(READ),
    ])
    .ours(),
    Attack::new("L22", "install a key of one's own for the issuer", &[Sql("SELECT tenancy.install_issuer_key('https://id.example.org/realms/spa', 'mine', decode(repeat('ff', 256), 'hex'))")]).ours(),
    Attack::new("L23", "make oneself an issuer", &[Sql("SELECT tenancy.set_issuer('https://evil.example', 'bearingwall', NULL, '{roles}', 30, 900, true)")]).ours(),
    Attack::new("L24", "change the profile", &[Sql("SELECT tenancy.use_profile('split-key')")]).ours(),
    Attack::new("L25", "keep the context where one may write it", &[Sql("SELECT tenancy.choose_context_store()")]).ours(),
    Attack::new("L26", "take the backend out of the tokens", &[Sql("SELECT tenancy.require_pid(false)")]).ours(),
    Attack::new("L27", "verify tokens in bulk", &[Sql("SELECT * FROM tenancy.verify_token('{jwt_a}')")]).ours(),
];

pub(crate) const BREAK_GLASS: &[Attack] = &[
    Attack::new("L40", "open break-glass into B from an ordinary tenant", &[Sql("SELECT tenancy.break_glass_open(gen_random_uuid(), '{b}', 'because I want to', 'T-1', 60)")]).ours(),
    Attack::new("L41", "approve one's own break-glass", &[
        Sql("ROLLBACK; BEGIN; SELECT {enter_platform}; SELECT tenancy.break_glass_open('{nobody}', '{b}', 'because I want to', 'T-1', 60)"),
        Sql("SELECT tenancy.break_glass_approve('{nobody}')"),
    ])
    .judge(Allows)
    .undone()
    .ours(),
    Attack::new("L42", "approve one's own break-glass as somebody that one has made up", &[
        Sql("ROLLBACK; BEGIN; SELECT {enter_platform}; SELECT tenancy.break_glass_open('{nobody}', '{b}', 'because I want to', 'T-1', 60)"),
        Sql("SET LOCAL app.current_subject_id = '{nobody}'"),
        Sql("SELECT tenancy.break_glass_approve('{nobody}')"),
    ])
    .judge(Allows)
    .undone()
    .ours(),
    Attack::new("L43", "write an approved session by hand", &[Sql(
        "INSERT INTO tenancy.break_glass (session_id, customer_id, subject_id, reason, ticket, expires_at, approved_by, approved_at) VALUES (gen_random_uuid(), '{b}', '{nobody}', 'because I want to', 'T-1', now() + interval '1 hour', '{a}', now())",
    )])
    .ours(),
    Attack::new("L44", "see who was in B, and why", &[Sql("SELECT * FROM tenancy.break_glass_sessions()"), Sql("SELECT * FROM tenancy.break_glass")]).ours(),
    Attack::new("L45", "close a session of B", &[Sql("SELECT tenancy.break_glass_close(s) FROM (VALUES ('b0000000-0000-4000-8000-00000000000b'::uuid)) v (s)")]).ours(),
    Attack::new("L46", "open break-glass for longer than allowed", &[
        Sql("ROLLBACK; BEGIN; SELECT {enter_platform}; SELECT tenancy.break_glass_open('{nobody}', '{b}', 'because I want to', 'T-1', 6000)"),
    ])
    .judge(Allows)
    .by(&["22023"])
    .undone()
    .ours(),
];

pub(crate) const BACKGROUND: &[Attack] = &[
    Attack::new("L60", "lease a job on the application's login", &[Sql("SELECT * FROM tenancy.job_lease('{saltmarsh.work}', '{us-east-1,eu-west-1}', 60)")]).ours(),
    Attack::new("L61", "enter by a job on the application's login", &[Sql("RESET ALL; SELECT tenancy.enter_job('{job_b}', '{lease_old}', '{us-east-1,eu-west-1}')"), Sql(READ)]).ours(),
    Attack::new("L62", "read the queue", &[Sql("SELECT * FROM tenancy.jobs")]).ours(),
    Attack::new("L63", "put work into B's queue", &[
        Sql("SET LOCAL app.current_customer_id = '{b}'; SELECT tenancy.job_enqueue(gen_random_uuid(), 'attack.work', now())"),
    ])
    .ours(),
    Attack::new("L64", "as the worker, guess a lease", &[Sql("SELECT tenancy.enter_job('{job_b}', gen_random_uuid(), '{us-east-1,eu-west-1}')"), Sql(READ)]).worker(),
    Attack::new("L65", "as the worker, enter without a lease", &[Sql("SELECT tenancy.enter_job('{job_b}', NULL, '{us-east-1,eu-west-1}')"), Sql(READ)]).worker(),
    Attack::new("L66", "as the worker, use a lease that has run out", &[Sql("SELECT tenancy.enter_job('{job_b}', '{lease_old}', '{us-east-1,eu-west-1}')"), Sql(READ)]).worker(),
    Attack::new("L67", "as the worker, read whose jobs there are", &[Sql("SELECT customer_id FROM tenancy.jobs")]).worker(),
    Attack::new("L68", "as the worker, read without entering", &[Sql("SELECT * FROM crm.clients")]).worker(),
    Attack::new("L69", "as the worker, sign an entry like the server", &[Sql("SELECT {enter_b}"), Sql(READ)]).worker(),
    Attack::new("L70", "as the worker, put another tenant into one's context", &[
        Sql("SELECT count(tenancy.enter_job(job, lease, '{us-east-1,eu-west-1}')) FROM tenancy.job_lease('{attack.own}', '{us-east-1,eu-west-1}', 60)"),
        Sql("SET LOCAL app.current_customer_id = '{b}'"),
        Sql("SELECT tenancy.current_customer_id()"),
    ])
    .judge(Answers("{b}"))
    .worker(),
    Attack::new("L80", "read the keys that lead to tenants", &[Sql("SELECT * FROM tenancy.locators")]).ours(),
    Attack::new("L81", "enter by the digest of a key", &[
        Sql("RESET ALL; SELECT tenancy.enter_located('webhook_endpoint', sha256('a key'), gen_random_uuid(), '{us-east-1,eu-west-1}')"),
        Sql(READ),
    ])
    .ours(),
    Attack::new("L82", "make a key of one's own lead to B", &[
        Sql("SET LOCAL app.current_customer_id = '{b}'; SELECT tenancy.locator_add('webhook_endpoint', sha256('a key of thirty-two bytes or more'))"),
        Sql("ROLLBACK; BEGIN; RESET ALL; SELECT tenancy.enter_located('webhook_endpoint', 'a key of thirty-two bytes or more', gen_random_uuid(), '{us-east-1,eu-west-1}')"),
        Sql(READ),
    ])
    .ours(),
    Attack::new("L71", "from the canary into B", &[Sql("RESET ALL; SELECT tenancy.enter_canary()"), Sql(READ)]).ours(),
    Attack::new("L72", "from one canary to the other", &[Sql("RESET ALL; SELECT tenancy.enter_canary()"), Sql("SELECT id FROM tenancy.canaries")])
        .judge(Answers("00000000-0000-8000-8000-0000000000bb"))
        .ours(),
    Attack::new("L73", "manage break-glass from the canary", &[
        Sql("RESET ALL; SELECT tenancy.enter_canary()"),
        Sql("SELECT tenancy.break_glass_open(gen_random_uuid(), '{b}', 'because I want to', 'T-1', 60)"),
    ])
    .ours(),
    Attack::new("L74", "silence the canary", &[Sql("RESET ALL; SELECT tenancy.enter_canary()"), Sql("DELETE FROM tenancy.canaries")]).ours(),
    Attack::new("L75", "enter the canary on top of one's own tenant", &[Sql("SELECT tenancy.enter_canary()")]).judge(Allows).ours(),
    Attack::new("L76", "leave a row with the canary for another tenant to find", &[
        Sql("RESET ALL; SELECT tenancy.enter_canary()"),
        Sql("INSERT INTO crm.clients (customer_id, id) VALUES ('00000000-0000-8000-8000-00000000000a', gen_random_uuid())"),
    ])
    .judge(Allows)
    .ours(),
    Attack::new("L77", "fill the canary's record, which nobody can delete", &[
        Sql("RESET ALL; SELECT tenancy.enter_canary()"),
        Sql("INSERT INTO audit.events (event_id, event_type, phase, outcome) VALUES (gen_random_uuid(), 'client.read', 'completed', 'success')"),
    ])
    .judge(Allows)
    .ours(),
    Attack::new("L78", "queue a job from the canary", &[
        Sql("RESET ALL; SELECT tenancy.enter_canary()"),
        Sql("SELECT tenancy.job_enqueue(gen_random_uuid(), 'attack.own', now())"),
    ])
    .judge(Allows)
    .ours(),
];
