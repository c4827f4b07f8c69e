//! Reads lines of JSON with a text each and writes what is found in them.
//!
//! `cargo run --release -p bearingwall-pii --example detect -- [--rules] [--point recall|balanced|precision] IN OUT`
//!
//! A line of IN is `{"id", "text", …}`; `"lang": "es"` picks the Spanish tagger. A line without a text but with a
//! `value` and its `context` is an identifier by itself: it is looked at after its context, and without it (`bare`).
//! A line of OUT is `{"id", "spans": [{"start", "end", "type", "score"}]}`, with positions in bytes.
#![allow(clippy::print_stderr, reason = "a program's progress")]

use bearingwall_pii::{Engine, EngineOptions, Entity, Findings, Language, OperatingPoint};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("detect: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Arguments {
    input: String,
    output: String,
    rules: bool,
    point: OperatingPoint,
}

fn arguments() -> Result<Arguments, String> {
    let mut files = Vec::new();
    let mut rules = false;
    let mut point = OperatingPoint::Balanced;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rules" => rules = true,
            "--point" => {
                point = match words.next().as_deref() {
                    Some("recall") => OperatingPoint::Recall,
                    Some("balanced") => OperatingPoint::Balanced,
                    Some("precision") => OperatingPoint::Precision,
                    _ => return Err("--point is recall, balanced or precision".to_owned()),
                }
            }
            _ => files.push(word),
        }
    }
    let [input, output] = <[String; 2]>::try_from(files)
        .map_err(|_| "usage: detect [--rules] [--point recall|balanced|precision] IN.jsonl OUT.jsonl".to_owned())?;
    Ok(Arguments {
        input,
        output,
        rules,
        point,
    })
}

fn engine(arguments: &Arguments, language: Language) -> Engine {
    let mut options = EngineOptions::default();
    options.point = arguments.point;
    options.language = if arguments.rules { Language::None } else { language };
    Engine::new(options)
}

fn run() -> Result<(), String> {
    let arguments = arguments()?;
    let input = File::open(&arguments.input).map_err(|error| format!("cannot open {}: {error}", arguments.input))?;
    let output =
        File::create(&arguments.output).map_err(|error| format!("cannot create {}: {error}", arguments.output))?;
    let mut output = BufWriter::new(output);
    let auto = engine(&arguments, Language::Auto);
    let english = engine(&arguments, Language::English);
    let spanish = engine(&arguments, Language::Spanish);
    // Lists and models are read at the first text: that is the start, and not the speed.
    let start = Instant::now();
    for engine in [&english, &spanish] {
        engine.detect("Ada").map_err(|error| error.to_string())?;
    }
    eprintln!("ready after {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut meter = Meter::new();
    for (number, line) in (1_usize..).zip(BufReader::new(input).lines()) {
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value =
            serde_json::from_str(&line).map_err(|error| format!("line {number} is not JSON: {error}"))?;
        let id = value.get("id").ok_or(format!("line {number} has no `id`"))?;
        let engine = match value.get("lang").and_then(Value::as_str) {
            Some("en") => &english,
            Some("es") => &spanish,
            _ => &auto,
        };
        let found = if let Some(text) = value.get("text").and_then(Value::as_str) {
            json!({"id": id, "spans": spans(&meter.detect(engine, text, number)?)})
        } else if let Some(bare) = value.get("value").and_then(Value::as_str) {
            let context = value.get("context").and_then(Value::as_str).unwrap_or_default();
            let text = format!("{context}: {bare}");
            let cued = meter.detect(engine, &text, number)?;
            let alone = meter.detect(engine, bare, number)?;
            json!({"id": id, "text": text, "spans": spans(&cued), "bare": spans(&alone)})
        } else {
            return Err(format!("line {number} has neither `text` nor `value`"));
        };
        writeln!(output, "{found}").map_err(|error| format!("cannot write: {error}"))?;
        meter.show(number);
    }
    output.flush().map_err(|error| format!("cannot write: {error}"))?;
    meter.finish();
    Ok(())
}

/// What was found, as the scorer names it: kinds that it does not know are other identifiers.
fn spans(findings: &Findings) -> Vec<Value> {
    findings
        .iter()
        // No set labels what is said about health.
        .filter(|finding| finding.entity != Entity::HealthData)
        .map(|finding| {
            json!({
                "start": finding.range.start,
                "end": finding.range.end,
                "type": scorers_name(finding.entity),
                "score": finding.score,
                "rule": finding.explanation.recognizer,
            })
        })
        .collect()
}

fn scorers_name(entity: Entity) -> &'static str {
    match entity {
        Entity::Account => "ACCOUNT_NUMBER",
        Entity::Passport => "US_PASSPORT",
        Entity::License
        | Entity::LicensePlate
        | Entity::DeviceId
        | Entity::CardCode
        | Entity::EsNss
        | Entity::Username
        | Entity::Custom => "ID_OTHER",
        _ => entity.name(),
    }
}

/// Counts bytes and the time spent in the engine alone.
struct Meter {
    bytes: usize,
    spent: Duration,
    shown: Instant,
}

impl Meter {
    fn new() -> Self {
        Self {
            bytes: 0,
            spent: Duration::ZERO,
            shown: Instant::now(),
        }
    }

    fn detect(&mut self, engine: &Engine, text: &str, number: usize) -> Result<Findings, String> {
        let start = Instant::now();
        let found = engine.detect(text).map_err(|error| format!("line {number}: {error}"))?;
        self.spent += start.elapsed();
        self.bytes += text.len();
        Ok(found)
    }

    fn rate(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.spent.as_secs_f64().max(1e-9)
    }

    fn show(&mut self, lines: usize) {
        if self.shown.elapsed() > Duration::from_secs(1) {
            self.shown = Instant::now();
            eprintln!(
                "{lines} lines, {:.1} MB, {:.1} MB/s",
                self.bytes as f64 / 1e6,
                self.rate()
            );
        }
    }

    fn finish(&self) {
        eprintln!(
            "done: {:.2} MB in {:.3} s of detection, {:.1} MB/s on one core",
            self.bytes as f64 / 1e6,
            self.spent.as_secs_f64(),
            self.rate()
        );
        if let Some(peak) = peak_memory() {
            eprintln!("{peak} resident at most");
        }
    }
}

/// The most memory that the process had, where the system says so.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
