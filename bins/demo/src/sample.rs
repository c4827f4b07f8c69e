//! The sample: two invented medical spas, embedded, so that the program needs no folder of its own.

use anyhow::Context as _;
use bearingwall_core::CustomerId;
use serde::Deserialize;
use std::collections::BTreeMap;
use uuid::Uuid;

const MANIFEST: &str = include_str!("../testdata/medspa/manifest.json");
const FILES: [(&str, &str, &str); 2] = [
    (
        "juniper",
        include_str!("../testdata/medspa/juniper.clients.csv"),
        include_str!("../testdata/medspa/juniper.chart_notes.csv"),
    ),
    (
        "saltmarsh",
        include_str!("../testdata/medspa/saltmarsh.clients.csv"),
        include_str!("../testdata/medspa/saltmarsh.chart_notes.csv"),
    ),
];

/// A row by the names of its columns.
pub(crate) type Row = BTreeMap<String, String>;

/// One spa and its files.
#[derive(Clone, Debug)]
pub(crate) struct Spa {
    pub(crate) id: CustomerId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) clients_csv: &'static str,
    pub(crate) notes_csv: &'static str,
    pub(crate) clients: Vec<Row>,
    pub(crate) notes: Vec<Row>,
}

#[derive(Deserialize)]
struct Manifest {
    tenants: Vec<Tenant>,
}

#[derive(Deserialize)]
struct Tenant {
    slug: String,
    name: String,
    region: String,
    clients: usize,
    chart_notes: usize,
}

/// Both spas, Juniper first.
pub(crate) fn spas() -> anyhow::Result<[Spa; 2]> {
    let manifest: Manifest = serde_json::from_str(MANIFEST).context("reading the sample's manifest")?;
    let mut spas = Vec::new();
    for (index, tenant) in manifest.tenants.into_iter().enumerate() {
        let (_, clients_csv, notes_csv) = *FILES
            .iter()
            .find(|(slug, ..)| *slug == tenant.slug)
            .with_context(|| format!("the sample has no files of `{}`", tenant.slug))?;
        let spa = Spa {
            id: tenant_id(index),
            clients: rows(clients_csv)?,
            notes: rows(notes_csv)?,
            clients_csv,
            notes_csv,
            slug: tenant.slug,
            name: tenant.name,
            region: tenant.region,
        };
        anyhow::ensure!(
            (spa.clients.len(), spa.notes.len()) == (tenant.clients, tenant.chart_notes),
            "the files of `{}` do not have as many rows as the manifest says",
            spa.slug
        );
        spas.push(spa);
    }
    spas.try_into()
        .map_err(|_| anyhow::anyhow!("the sample is not of two spas"))
}

/// The same at each start, so that a second one finds its tenants.
pub(crate) fn tenant_id(index: usize) -> CustomerId {
    const FIRST: u128 = 0x0190_d6f0_0000_7000_8000_0000_0000_0001;
    CustomerId::from_uuid(Uuid::from_u128(FIRST + u128::try_from(index).unwrap_or_default()))
}

fn rows(text: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader
        .deserialize()
        .map(|row| row.context("reading a row of the sample"))
        .collect()
}

/// A value of a row; the empty text where the column is missing.
pub(crate) fn value<'a>(row: &'a Row, column: &str) -> &'a str {
    row.get(column).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_what_its_manifest_says() {
        let [juniper, saltmarsh] = spas().unwrap();
        assert_eq!((juniper.clients.len(), saltmarsh.clients.len()), (600, 400));
        assert_eq!(juniper.notes.len() + saltmarsh.notes.len(), 2952);
        assert_ne!(juniper.id, saltmarsh.id);
        assert_eq!(value(&juniper.clients[0], "external_id"), "juniper-00001");
    }
}
