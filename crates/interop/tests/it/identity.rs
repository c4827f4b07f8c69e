//! The real server and real identity providers: Keycloak, and `oidc-provider` so that nothing is Keycloak's alone.

mod browser;
mod chromium;
mod keycloak;
mod oidc_provider;
mod pages;
mod provider;
mod sessions;
mod site;

use browser::{Browser, CodeFlow, Tokens};
use provider::Provider;
use serde_json::json;
use sessions::{
    aut_5_a_person_signs_in_works_and_signs_out_in_a_browser,
    aut_5_a_session_is_renewed_once_for_all_and_ends_with_the_providers, aut_5_a_session_that_rests_is_over,
    aut_5_nobody_takes_over_a_sign_in_that_another_browser_began, aut_6_no_other_page_acts_in_a_session,
};
use site::Site;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

/// Where `.ci/identity.sh` puts what it provides.
fn cache() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")))?;
    Some(cache.join("bearingwall"))
}

/// A port for somebody who has to know it before they listen.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn flow<P: Provider>(site: &Site<P>) -> CodeFlow<'_, P> {
    CodeFlow {
        provider: &site.provider,
        origin: &site.origin,
    }
}

/// Each claim once for each provider, through the same driver.
macro_rules! with_every_provider {
    ($($claim:ident)*) => {
        mod with_keycloak {
            $(#[test] fn $claim() { super::$claim::<super::keycloak::Keycloak>(); })*
        }
        mod with_oidc_provider {
            $(#[test] fn $claim() { super::$claim::<super::oidc_provider::OidcProvider>(); })*
        }
    };
}

with_every_provider! {
    aut_1_a_sign_in_yields_a_token_that_proves_subject_tenant_and_roles
    rbc_1_roles_are_what_the_provider_says_and_nothing_more
    aut_2_a_rotated_key_is_accepted_and_a_withdrawn_one_is_not
    aut_1_an_expired_token_is_refused
    a_disabled_person_neither_signs_in_nor_refreshes
    a_refresh_token_is_good_once
    aut_4_a_sign_out_at_the_provider_ends_the_access_token_within_seconds
    aut_5_a_person_signs_in_works_and_signs_out_in_a_browser
    aut_5_a_session_is_renewed_once_for_all_and_ends_with_the_providers
    aut_5_a_session_that_rests_is_over
    aut_5_nobody_takes_over_a_sign_in_that_another_browser_began
    aut_6_no_other_page_acts_in_a_session
    aut_7_personal_data_needs_the_second_factor_that_the_provider_asked_for
}

fn aut_1_a_sign_in_yields_a_token_that_proves_subject_tenant_and_roles<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    let tokens = flow.sign_in(&site.alice);
    assert_eq!(tokens.of_access(0, "typ"), json!("at+jwt"));
    assert_eq!(tokens.of_access(1, "acr"), json!("mfa"));
    assert!(tokens.of_access(1, "sid").is_string());
    let me = site.ask("/v1/me", tokens.access());
    assert_eq!(me.status, 200, "{me:?}");
    let me = me.json();
    let subject = tokens.of_access(1, "sub");
    let subject = bearingwall_authn::subject_id(&site.provider.issuer(), subject.as_str().unwrap());
    assert_eq!(me["subject_id"], json!(subject.to_string()));
    assert_eq!(me["customer_id"], json!(site.alice.customer.unwrap().to_string()));
    assert_eq!(me["roles"], json!(["authenticated", "customer_admin"]));
    // Whatever else the provider signs is no access token.
    for other in ["id_token", "refresh_token"] {
        assert_eq!(site.ask("/v1/me", tokens.part(other)).status, 401, "{other}");
    }
    let refusals = "SELECT outcome_code FROM audit.events WHERE event_type = 'http.request.unauthenticated'";
    assert!(site.wait_for(refusals).iter().all(|code| code.starts_with("AUT-")));
    // A code that somebody else has seen is worth nothing without the verifier, and is good once.
    let (code, _) = flow.code(&Browser::new(), &site.alice, "mfa").unwrap();
    let (other, verifier) = flow.code(&Browser::new(), &site.alice, "mfa").unwrap();
    assert_eq!(flow.exchange(&code, &verifier).status, 400);
    assert_eq!(flow.exchange(&other, &verifier).status, 200);
    assert_eq!(flow.exchange(&other, &verifier).status, 400);
}

fn rbc_1_roles_are_what_the_provider_says_and_nothing_more<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    let [alice, bob, staff] = [&site.alice, &site.bob, &site.staff].map(|person| flow.sign_in(person));
    let client = json!({
        "first_name": "Ada", "last_name": "Example", "date_of_birth": "1984-02-29", "phone": "(415) 555-0119",
        "email": "ada@example.net", "allergies": "none", "conditions": "none", "marketing_opt_in": false,
        "address": {"street": "1 Main Street", "city": "Watersmouth", "state": "OR", "postal_code": "59900"},
    });
    let made = site.post("/v1/clients", alice.access(), &client);
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/v1/clients/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(site.ask(&path, alice.access()).status, 200);
    // In the other tenant there is no such client, and a reader does not write.
    assert_eq!(site.ask(&path, bob.access()).status, 404);
    assert_eq!(site.post("/v1/clients", bob.access(), &client).status, 403);
    // Staff of the platform has no tenant, and sees none.
    let me = site.ask("/v1/me", staff.access());
    assert_eq!(me.json()["customer_id"], json!(null), "{me:?}");
    assert_eq!(me.json()["roles"], json!(["internal_admin"]));
    assert_eq!(site.ask("/v1/clients", staff.access()).status, 403);
    assert_eq!(site.ask(&path, staff.access()).status, 403);
}

fn aut_2_a_rotated_key_is_accepted_and_a_withdrawn_one_is_not<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    let before = flow.sign_in(&site.alice);
    assert_eq!(site.ask("/v1/me", before.access()).status, 200);
    site.provider.rotate();
    let after = flow.sign_in(&site.alice);
    assert_ne!(before.of_access(0, "kid"), after.of_access(0, "kid"));
    // At its first use, or within the second in which a fetch has just been made.
    let accepted = |tokens: &Tokens| site.ask("/v1/me", tokens.access()).status == 200;
    if !accepted(&after) {
        std::thread::sleep(Duration::from_secs(1));
        assert!(accepted(&after));
    }
    assert!(accepted(&before));
    site.provider.withdraw_old_keys();
    // Remembered tokens too: keys are fetched anew after two seconds.
    site.refused_after(before.access(), Duration::from_secs(10));
    assert!(accepted(&after));
}

fn aut_1_an_expired_token_is_refused<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    site.provider.access_token_lifetime(3);
    let tokens = flow.sign_in(&site.alice);
    assert_eq!(site.ask("/v1/me", tokens.access()).status, 200);
    let took = site.refused_after(tokens.access(), Duration::from_secs(8));
    assert!(took > Duration::from_secs(1), "{took:?}");
    // The session goes on, and a new token is good.
    let renewed = flow.refresh(&tokens);
    assert_eq!(renewed.status, 200, "{renewed:?}");
    assert_eq!(site.ask("/v1/me", Tokens(renewed.json()).access()).status, 200);
}

fn a_disabled_person_neither_signs_in_nor_refreshes<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    let tokens = flow.sign_in(&site.alice);
    site.provider.disable(&site.alice);
    assert_eq!(flow.refresh(&tokens).status, 400);
    assert!(flow.code(&Browser::new(), &site.alice, "mfa").is_err());
    // The others are not concerned.
    assert_eq!(site.ask("/v1/me", flow.sign_in(&site.bob).access()).status, 200);
}

fn a_refresh_token_is_good_once<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    let tokens = flow.sign_in(&site.alice);
    let renewed = flow.refresh(&tokens);
    assert_eq!(renewed.status, 200, "{renewed:?}");
    // Used a second time it has been stolen by one of the two, and neither goes on.
    assert_eq!(flow.refresh(&tokens).status, 400);
    assert_eq!(flow.refresh(&Tokens(renewed.json())).status, 400);
}

fn aut_4_a_sign_out_at_the_provider_ends_the_access_token_within_seconds<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let flow = flow(&site);
    let browser = Browser::new();
    let (tokens, other) = (flow.sign_in_with(&browser, &site.alice), flow.sign_in(&site.alice));
    for tokens in [&tokens, &other] {
        assert_eq!(site.ask("/v1/me", tokens.access()).status, 200);
    }
    flow.sign_out(&browser, &tokens, &site.alice);
    // The provider tells us behind the browser's back, and its logout token is good.
    site.refused_after(tokens.access(), Duration::from_secs(4));
    assert_eq!(flow.refresh(&tokens).status, 400);
    assert_eq!(site.ask("/v1/me", other.access()).status, 200, "another session");
    let recorded = site
        .wait_for("SELECT concat_ws(' ', actor_id, resource_id) FROM audit.events WHERE event_type = 'session.ended'");
    let named = |claim| tokens.of_access(1, claim).as_str().unwrap().to_owned();
    let issuer = site.provider.issuer();
    let subject = bearingwall_authn::subject_id(&issuer, &named("sub"));
    let session = bearingwall_authn::session_key(&issuer, &named("sid"));
    assert_eq!(recorded, [format!("{subject} {session}")]);
}

fn aut_7_personal_data_needs_the_second_factor_that_the_provider_asked_for<P: Provider>() {
    let configured = |config: String| {
        config
            .replace("[authn]", "[authn]\nstrong_for_phi = true")
            .replace("leeway_s = 1", "leeway_s = 1\nstrong_acr = [\"mfa\"]")
    };
    let Some(site) = Site::<P>::with(configured) else {
        return;
    };
    let flow = flow(&site);
    let (weak, strong) = (flow.sign_in_at(&site.alice, "password"), flow.sign_in(&site.alice));
    assert_eq!(weak.of_access(1, "acr"), json!("password"));
    for tokens in [&weak, &strong] {
        assert_eq!(site.ask("/v1/me", tokens.access()).status, 200);
    }
    let refused = site.ask("/v1/clients", weak.access());
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("HTP-017")));
    assert_eq!(site.ask("/v1/clients", strong.access()).status, 200);
}
