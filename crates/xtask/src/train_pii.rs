//! Trains the models of `bearingwall-pii`, or measures them on texts that they were not trained on.

use anyhow::{Context, Result, bail};
use bearingwall_pii::train::{Example, Language, ListTexts, Mark, Material, Options, Trainer};
use bearingwall_pii::{Engine, EngineOptions};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to train and where to put it.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// A folder of labelled texts, `*.jsonl` with `{id, dataset, lang, group, text, spans}`, offsets in code points.
    /// May be given several times; without any, the project's own generator is all there is.
    #[arg(long)]
    data: Vec<PathBuf>,
    /// The folder for `lists.bin`, `en.bin` and `es.bin`.
    #[arg(long, default_value = "crates/pii/model")]
    out: PathBuf,
    /// The folder of the lists of names, places and words.
    #[arg(long, default_value = "crates/pii/model/lists")]
    lists: PathBuf,
    /// Train only this language, `en` or `es`.
    #[arg(long)]
    language: Option<String>,
    /// Leave these data sets out of training (they are still measured with `--folds`).
    #[arg(long)]
    leave_out: Vec<String>,
    /// Kinds that a data set does not label although they stand in its texts, as `SET=KIND,KIND`.
    #[arg(long, default_values_t = [AMBIENT.to_owned()])]
    unlabelled: Vec<String>,
    /// Train on all but one part of the texts and tag that part, for each of so many parts; nothing is shipped.
    /// Texts of one template stay together. With one part, all texts are tagged by what the generator alone teaches.
    #[arg(long)]
    folds: Option<u64>,
    /// Where `--folds` writes what was found, one line for each text, offsets in bytes.
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// With `--folds`: what the tagger finds alone, without the rules.
    #[arg(long)]
    tagger_only: bool,
    /// With `--folds`: write the model of each part here, as `fold-N.bin`.
    #[arg(long)]
    keep_models: Option<PathBuf>,
    /// Texts that the generator adds, instead of the shipped number.
    #[arg(long)]
    generated: Option<usize>,
    /// Leave out the feature at these places of a token's list, to see what it is worth.
    #[arg(long)]
    without: Vec<usize>,
    /// Where the random numbers start.
    #[arg(long, default_value_t = 6)]
    seed: u64,
}

/// The one set that is known to leave out what it holds.
const AMBIENT: &str = "ambient_hard=DATE_TIME,AGE,TITLE,NRP,HEALTH_PLAN,CREDIT_CARD,ID_OTHER";

/// A line of a data file.
#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    dataset: String,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    group: String,
    text: Option<String>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    start: usize,
    end: usize,
    #[serde(rename = "type")]
    kind: String,
}

/// A text with what it belongs to.
struct Text {
    id: String,
    set: String,
    language: Language,
    key: u64,
    example: Example,
}

/// Trains, or measures with `--folds`.
///
/// # Errors
/// When a file is missing, unreadable or not as it must be.
pub fn run(arguments: &Arguments) -> Result<()> {
    let trainer = Trainer::new(&lists(&arguments.lists)?).context("the lists are not as they must be")?;
    let texts = texts(arguments)?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} labelled texts, lists of {} bytes",
        texts.len(),
        trainer.lists().len()
    )?;
    if arguments.folds.is_none() {
        write(&arguments.out.join("lists.bin"), trainer.lists())?;
    }
    let mut predictions = arguments
        .predictions
        .as_ref()
        .map(fs::File::create)
        .transpose()?
        .map(BufWriter::new);
    for (name, language) in [("en", Language::English), ("es", Language::Spanish)] {
        if arguments.language.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let texts: Vec<&Text> = texts.iter().filter(|text| text.language == language).collect();
        let Some(folds) = arguments.folds else {
            let model = train(&trainer, language, &texts, arguments, &mut out)?;
            write(&arguments.out.join(format!("{name}.bin")), &model)?;
            writeln!(out, "{name}.bin: {} bytes", model.len())?;
            continue;
        };
        for fold in 0..folds {
            writeln!(out, "{name}: part {} of {folds}", fold + 1)?;
            let (held, seen): (Vec<&Text>, Vec<&Text>) = texts.iter().partition(|text| text.key % folds == fold);
            let model = train(&trainer, language, &seen, arguments, &mut out)?;
            if let Some(folder) = &arguments.keep_models {
                write(&folder.join(format!("{name}-fold-{fold}.bin")), &model)?;
            }
            if let Some(predictions) = &mut predictions {
                predict(&trainer, &model, language, &held, arguments.tagger_only, predictions)?;
            }
        }
    }
    Ok(())
}

fn train(
    trainer: &Trainer,
    language: Language,
    texts: &[&Text],
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<Vec<u8>> {
    let examples: Vec<Example> = texts
        .iter()
        .filter(|text| !arguments.leave_out.contains(&text.set))
        .map(|text| text.example.clone())
        .collect();
    let mut material = Material::shipped(language, &examples);
    if let Some(generated) = arguments.generated {
        material.generated = generated;
    }
    let options = Options {
        seed: arguments.seed,
        without: arguments.without.clone(),
        ..Options::shipped(language)
    };
    let mut failed = None;
    let model = trainer.train(&material, &options, &mut |line| {
        if let Err(error) = writeln!(out, "  {line}") {
            failed = Some(error);
        }
    });
    failed.map_or(Ok(model), |error| Err(error.into()))
}

/// Writes what is found in `texts` at the balanced operating point with `model` in the place of the shipped one.
fn predict(
    trainer: &Trainer,
    model: &[u8],
    language: Language,
    texts: &[&Text],
    alone: bool,
    out: &mut impl Write,
) -> Result<()> {
    let trial = trainer
        .trial(model, language)
        .context("the model that was trained cannot be read")?;
    let trial = Arc::new(trial);
    let mut options = EngineOptions::default();
    options.trial = Some(Arc::clone(&trial));
    let engine = Engine::new(options);
    for text in texts {
        let spans: Vec<serde_json::Value> = if alone {
            let found = trial.find(&text.example.text).into_iter();
            found
                .filter(|found| found.3 >= 0.5)
                .map(|(start, end, kind, score)| span(start, end, kind, score))
                .collect()
        } else {
            let findings = engine.detect(&text.example.text)?;
            let spans = findings
                .iter()
                .map(|found| span(found.range.start, found.range.end, found.entity.name(), found.score));
            spans.collect()
        };
        writeln!(out, "{}", serde_json::json!({"id": text.id, "spans": spans}))?;
    }
    Ok(())
}

fn span(start: usize, end: usize, kind: &str, score: f32) -> serde_json::Value {
    serde_json::json!({"start": start, "end": end, "type": kind, "score": score})
}

fn lists(folder: &Path) -> Result<ListTexts> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    };
    Ok(ListTexts {
        given: read("given.txt")?,
        surnames: read("surnames.txt")?,
        names_other: read("names-other.txt")?,
        cities: read("cities.txt")?,
        places: read("places.txt")?,
        common_en: read("common-en.txt")?,
        common_es: read("common-es.txt")?,
        words: read("words.txt")?,
    })
}

/// All labelled texts, in the order of the files' names.
fn texts(arguments: &Arguments) -> Result<Vec<Text>> {
    let mut unlabelled = BTreeMap::new();
    for rule in &arguments.unlabelled {
        let (set, kinds) = rule
            .split_once('=')
            .with_context(|| format!("`{rule}` is not SET=KIND,KIND"))?;
        unlabelled.insert(set, kinds.split(',').map(str::to_owned).collect::<Vec<_>>());
    }
    let mut paths = BTreeSet::new();
    for folder in &arguments.data {
        for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                paths.insert(path);
            }
        }
    }
    let mut texts = Vec::new();
    for path in paths {
        let content = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let mut lines = Vec::new();
        for (number, line) in content.lines().enumerate() {
            let line: Line =
                serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), number + 1))?;
            lines.push(line);
        }
        let groups: BTreeSet<&str> = lines.iter().map(|line| line.group.as_str()).collect();
        // A few groups are sources; many are templates.
        let by_group = groups.len() > 20;
        for line in &lines {
            if let Some(text) = &line.text {
                let unlabelled = unlabelled.get(line.dataset.as_str()).cloned().unwrap_or_default();
                texts.push(labelled(line, text, by_group, unlabelled)?);
            }
        }
    }
    Ok(texts)
}

fn labelled(line: &Line, text: &str, by_group: bool, unlabelled: Vec<String>) -> Result<Text> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(offset, _)| offset).collect();
    offsets.push(text.len());
    let mut marks = Vec::new();
    for span in &line.spans {
        let (Some(&start), Some(&end)) = (offsets.get(span.start), offsets.get(span.end)) else {
            bail!("{}: a span ends behind the text", line.id);
        };
        marks.push(Mark {
            start,
            end,
            kind: span.kind.clone(),
        });
    }
    marks.sort_by_key(|mark| mark.start);
    let example = Example {
        text: text.to_owned(),
        marks,
        unlabelled,
    };
    let key = if by_group {
        Example {
            text: line.group.clone(),
            ..Example::default()
        }
        .fingerprint()
    } else {
        example.template()
    };
    Ok(Text {
        id: line.id.clone(),
        set: line.dataset.clone(),
        language: if line.lang == "es" {
            Language::Spanish
        } else {
            Language::English
        },
        key,
        example,
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}
