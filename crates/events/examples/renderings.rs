//! Prints events of every code, phase and outcome in all formats, one JSON object a line, for the validators of
//! `.ci/audit-formats.sh`.
#![expect(
    clippy::unwrap_used,
    reason = "the samples are the tests' own, which say what they expect"
)]

use bearingwall_events::EventType;
use bearingwall_events::render::{fhir, ocsf};
use serde_json::json;
use std::io::{self, Write};

#[path = "../tests/it/samples.rs"]
mod samples;

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    // All that an event may say, the least, and all but what HTTP brings.
    let without_http =
        samples::without(&["source_ip", "route", "http_status", "trace_id", "span_id"]) & !samples::SERVICE;
    let shapes = [samples::FULL, 0, without_http];
    for kind in EventType::ALL {
        for phase in samples::PHASES {
            for outcome in samples::OUTCOMES {
                // An even seed makes an address of IPv4, an odd one of IPv6.
                for (shape, seed) in shapes.into_iter().zip([7, 8, 9]) {
                    let event = samples::event(*kind, phase, outcome, shape, seed);
                    let case = format!("{} {phase} {outcome} {shape:#x}", kind.as_str());
                    let fhir = fhir::audit_event(&event);
                    writeln!(
                        out,
                        "{}",
                        json!({ "case": case, "fhir": fhir, "ocsf": ocsf::event(&event) })
                    )?;
                }
            }
        }
        // Every member may be missing by itself.
        for name in samples::OPTIONAL {
            let event = samples::event(*kind, "completed", "success", samples::without(&[name]), 10);
            let case = format!("{} without {name}", kind.as_str());
            let fhir = fhir::audit_event(&event);
            writeln!(
                out,
                "{}",
                json!({ "case": case, "fhir": fhir, "ocsf": ocsf::event(&event) })
            )?;
        }
    }
    let mut bundle = fhir::Bundle::default();
    let mut text: String = (11..15)
        .map(|seed| {
            bundle.entry(&samples::event(
                EventType::ClientRead,
                "completed",
                "success",
                samples::FULL,
                seed,
            ))
        })
        .collect();
    text += bundle.end();
    let [filled, empty] = [text.as_str(), fhir::Bundle::default().end()];
    writeln!(out, r#"{{"case":"a bundle of four","bundle":{filled}}}"#)?;
    writeln!(out, r#"{{"case":"an empty bundle","bundle":{empty}}}"#)?;
    out.flush()
}
