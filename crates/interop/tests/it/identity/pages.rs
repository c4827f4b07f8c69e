//! Our page in a real browser, with somebody who signs in at a real provider.

use super::browser::one_time_code;
use super::chromium::Chromium;
use super::oidc_provider::OidcProvider;
use super::provider::Provider as _;
use super::site::Site;
use serde_json::json;

/// What is tried: names, numbers, letters of several bytes, and markup that must stay a text.
const TEXT: &str = "Zoë 💉 O'Brien's MRN is 4821937 <b id=planted>x</b>; write to ada@example.org, SSN 536-22-8145.";

#[test]
fn htp_6_a_compliance_officer_signs_in_and_sees_what_would_be_found_and_why() {
    let Some(site) = Site::<OidcProvider>::new() else {
        return;
    };
    let Some(chromium) = Chromium::start() else { return };
    chromium.open(&format!("{}/pages/pii", site.origin));
    chromium.wait_for("return !document.getElementById('sign-in-link').hidden");
    // The browser says so itself that nobody is signed in; afterwards it must have nothing more to say.
    assert!(chromium.complaints().iter().all(|complaint| complaint.contains("401")));

    chromium.click("#sign-in-link a");
    chromium.wait_for("return document.querySelector('input[name=otp]') !== null");
    chromium.write("input[name=username]", site.alice.name);
    chromium.write("input[name=password]", &site.alice.password());
    chromium.write("input[name=otp]", &one_time_code(&site.alice.second_factor));
    chromium.ask("document.forms[0].submit()");
    chromium.wait_for("return location.pathname === '/pages/pii' && document.readyState === 'complete'");
    chromium.wait_for("return document.getElementById('sign-in').hidden");

    chromium.ask(&format!("document.getElementById('text').value = {}", json!(TEXT)));
    chromium.click("#look");
    chromium.wait_for("return document.querySelectorAll('mark').length > 0");
    assert_eq!(
        chromium.ask("return document.getElementById('highlighted').textContent.includes('<b id=planted>x</b>')"),
        json!(true)
    );
    assert_eq!(chromium.ask("return document.getElementById('planted')"), json!(null));
    let marked = chromium.ask(
        "return [...document.querySelectorAll('mark')].map(mark => [mark.dataset.entity, mark.firstChild.textContent])",
    );
    for expected in [
        json!(["MRN", "4821937"]),
        json!(["EMAIL", "ada@example.org"]),
        json!(["US_SSN", "536-22-8145"]),
    ] {
        assert!(marked.as_array().unwrap().contains(&expected), "{marked}");
    }
    let reasons = chromium.ask("return [...document.querySelectorAll('#findings tr')].map(row => row.innerText)");
    let reasons: Vec<&str> = reasons
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_str().unwrap())
        .collect();
    assert_eq!(reasons.len(), marked.as_array().unwrap().len());
    let record = reasons.iter().find(|row| row.contains("4821937")).unwrap();
    assert!(
        record.contains("rule.mrn") && record.contains("MRN is") | record.contains("MRN"),
        "{record}"
    );

    chromium.click("#mask");
    chromium.wait_for("return !document.getElementById('masked').hidden");
    let masked = chromium.ask("return document.getElementById('masked').textContent");
    let masked = masked.as_str().unwrap();
    assert!(
        !masked.contains("4821937") && !masked.contains("ada@") && !masked.contains("8145"),
        "{masked}"
    );

    chromium.picture("pii.png");

    // Nothing of it is left where another page, or the next person at this desk, would find it.
    chromium.click("#clear");
    let left = "return [document.body.innerText, localStorage.length, sessionStorage.length, location.href].join()";
    let left = chromium.ask(left);
    assert!(
        !left.as_str().unwrap().contains("4821937") && left.as_str().unwrap().contains(",0,0,"),
        "{left}"
    );
    let complaints = chromium.complaints();
    let ours: Vec<&String> = complaints
        .iter()
        .filter(|complaint| !complaint.starts_with(&site.provider.issuer()))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn htp_6_a_page_loads_and_sends_nothing_elsewhere_whatever_is_put_into_it() {
    let Some(site) = Site::<OidcProvider>::new() else {
        return;
    };
    let Some(chromium) = Chromium::start() else { return };
    chromium.open(&format!("{}/pages/pii", site.origin));
    chromium.wait_for("return !document.getElementById('sign-in').hidden");
    // As somebody would who got markup or a script into the page.
    let elsewhere = super::free_port();
    let tried = format!(
        "const told = []; \
         document.addEventListener('securitypolicyviolation', event => told.push(event.effectiveDirective)); \
         window.told = told; \
         const script = document.createElement('script'); \
         try {{ script.text = 'window.ran = true'; document.head.append(script); }} catch (refused) {{ told.push('trusted-types'); }} \
         const image = document.createElement('img'); image.src = 'http://127.0.0.1:{elsewhere}/x'; document.body.append(image); \
         const frame = document.createElement('iframe'); frame.src = 'http://127.0.0.1:{elsewhere}/'; document.body.append(frame); \
         fetch('http://127.0.0.1:{elsewhere}/').catch(() => told.push('fetch')); \
         try {{ document.body.setAttribute('onclick', 'window.ran = true'); }} catch (refused) {{ told.push('trusted-types'); }} \
         document.body.click();"
    );
    chromium.ask(&tried);
    chromium.wait_for(
        "return ['img-src', 'frame-src', 'connect-src', 'fetch'].every(refused => window.told.includes(refused))",
    );
    assert_eq!(chromium.ask("return window.ran === true"), json!(false));
}
