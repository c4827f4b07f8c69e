//! How fast text is read: rules alone and everything, in large pieces and in messages of one and ten kilobytes, and
//! whether time stays linear on text that is made to be slow.
//!
//! One core does everything. `cargo bench -p bearingwall-pii`; a path behind `--` is a text to read instead of ours.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a measurement that cannot be set up has nothing to report"
)]

use bearingwall_pii::own::{OwnRecognizer, OwnRecognizers, OwnRule};
use bearingwall_pii::{Engine, EngineOptions, Entity, Language};
use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A page of a record: names, numbers and prose in the share in which they stand in one.
const PAGE: &str = "Patient: Maria Alvarez-Keane, DOB 03/14/1962, MRN: 48815162, SSN 536-22-8147.\n\
    Seen at Lakeview Clinic on October 3rd, 2023 by Dr. Osei (NPI 1234567893). She reports two weeks of cough without\n\
    fever, no weight loss, and is otherwise well; the lungs are clear, blood pressure is 128/82 and pulse 71. We talked\n\
    about the results of the scan and agreed to repeat it in three months. Lisinopril 10 mg daily is continued.\n\
    Call her at (415) 555-0132 or write to m.alvarez@example.org; bills go to 1840 Fulton Street, Apt 6, San Francisco,\n\
    CA 94117. Card 4111 1111 1111 1111 on file. The insurer (member ID HPX-4471829) has approved the visit, and nothing\n\
    else is planned before the spring. The nurse explained how to use the inhaler and what to do when it gets worse.\n\n";

fn main() {
    let text = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with('-'))
        .map_or_else(|| PAGE.repeat(4000), |path| std::fs::read_to_string(path).unwrap());
    let rules = engine(Language::None);
    let all = engine(Language::English);
    println!("whole text of {:.1} MB", text.len() as f64 / 1e6);
    rate("  structured identifiers", &text, |text| {
        rules.detect(text).unwrap().len()
    });
    rate("  everything", &text, |text| all.detect(text).unwrap().len());
    for kilobytes in [1, 10] {
        let message = &text[..text.floor_char_boundary(kilobytes * 1024)];
        latency(&format!("  {kilobytes} KB, structured"), || {
            rules.detect(message).unwrap().len()
        });
        latency(&format!("  {kilobytes} KB, everything"), || {
            all.detect(message).unwrap().len()
        });
    }
    println!("slow on purpose: time for 1 and 10 MB, and the time of a byte in the second to that in the first");
    for (name, unit) in [
        ("digits and strokes", "1-"),
        ("at signs", "a@"),
        ("colons", "f:"),
        ("dots", "a."),
        ("spoken digits", "five "),
        ("single letters", "a b "),
        ("cues", "ssn phone id "),
        ("one long word", "x"),
        ("digits", "7"),
        ("parentheses", "(1"),
        ("pluses", "+1 "),
        ("streets", "12 a b c d e "),
        ("line breaks", "\n"),
        ("accents", "é"),
        ("full-width digits", "５"),
        ("digits and signs that nobody sees", "5\u{200b}"),
        ("look-alike letters", "аa@"),
        ("people and conditions", "a@b.co asthma "),
        ("conditions alone", "lupus "),
    ] {
        growth(name, unit, &rules);
    }
    for (name, unit) in [
        ("names, everything", "Ada Byron "),
        ("words in small letters, everything", "will may mark "),
        ("signs, everything", "(',"),
        ("letters and digits, everything", "a1-"),
    ] {
        growth(name, unit, &all);
    }
    let pattern = own(OwnRule::Pattern(".*[^A-Z]|[A-Z]".to_owned()));
    growth("own pattern that looks far ahead", "A", &pattern);
    let alike = (0..10_000).map(|number| format!("blue heron {number}")).collect();
    growth(
        "own phrases that begin alike",
        "blue heron ",
        &own(OwnRule::Dictionary(alike)),
    );
}

/// Ten texts of one megabyte against one of ten, by the thread's own time.
fn growth(name: &str, unit: &str, engine: &Engine) {
    let time = |megabytes: usize, runs: usize| {
        let text = unit.repeat(megabytes * 1_000_000 / unit.len());
        let start = on_cpu();
        for _ in 0..runs {
            black_box(engine.detect(&text).unwrap().len());
        }
        on_cpu().saturating_sub(start).as_secs_f64() * 1e3
    };
    let (small, large) = (time(1, 10), time(10, 1));
    println!("  {name}: {:.1} ms, {large:.0} ms, {:.2}", small / 10.0, large / small);
}

fn own(rule: OwnRule) -> Engine {
    let mut options = EngineOptions::default();
    options.language = Language::None;
    options.own = OwnRecognizers::compile(&[OwnRecognizer {
        name: "own".to_owned(),
        entity: Entity::Custom,
        score: 1.0,
        rule,
    }])
    .unwrap();
    Engine::new(options)
}

fn engine(language: Language) -> Engine {
    let mut options = EngineOptions::default();
    options.language = language;
    Engine::new(options)
}

/// The time that this thread has been on a processor, where the system says so: other work does not count.
fn on_cpu() -> Duration {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat");
    let nanoseconds = read.ok().and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

static START: OnceLock<Instant> = OnceLock::new();

fn rate(name: &str, text: &str, work: impl Fn(&str) -> usize) {
    let mut best = Duration::MAX;
    let mut found = 0;
    for _ in 0..5 {
        let start = on_cpu();
        found = black_box(work(text));
        best = best.min(on_cpu().saturating_sub(start));
    }
    println!(
        "{name}: {:.1} MB/s, {found} findings",
        text.len() as f64 / 1e6 / best.as_secs_f64()
    );
}

fn latency(name: &str, work: impl Fn() -> usize) {
    let mut times: Vec<Duration> = (0..2000)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "{name}: p50 {:?}, p99 {:?}",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}
