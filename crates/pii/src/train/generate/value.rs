//! Values of every kind, in the ways that people write them.

mod form;
mod place;

use super::Language;
use super::grammar::Piece;
use super::spoken;
use super::words::{DAYS, ES_MONTHS, JOBS};
use crate::lexicon::MONTHS;
use crate::train::example::Builder;
use crate::train::lists::Lists;
use crate::train::random::Random;
use std::collections::BTreeMap;

/// Makes the values of one text: who is named twice has one name.
pub(crate) struct Values<'a> {
    lists: &'a Lists,
    voice: bool,
    /// Numbers are said rather than written.
    said: bool,
    origin: (&'a str, &'a str),
    /// How dates are written in this text.
    date_style: usize,
    held: BTreeMap<String, String>,
}

/// Given and family names of one origin.
const ORIGINS: &[(&str, &str)] = &[
    ("is_is", "is_is"),
    ("de_de", "de_de"),
    ("de_ch", "de_ch"),
    ("de_at", "de_at"),
    ("tr_tr", "tr_tr"),
    ("nl_nl", "nl_nl"),
    ("nl_be", "nl_be"),
    ("fr_fr", "fr_fr"),
    ("fr_be", "fr_be"),
    ("sv_se", "sv_se"),
    ("da_dk", "da_dk"),
    ("no_no", "no_no"),
    ("fi_fi", "fi_fi"),
    ("it_it", "it_it"),
    ("es_es", "es_es"),
    ("es_mx", "es_mx"),
    ("es_co", "es_co"),
    ("pt_br", "pt_br"),
    ("pt_pt", "pt_pt"),
    ("cs_cz", "cs_cz"),
    ("sk_sk", "sk_sk"),
    ("hu_hu", "hu_hu"),
    ("hr_hr", "hr_hr"),
    ("sl_si", "sl_si"),
    ("ro_ro", "ro_ro"),
    ("lt_lt", "lt_lt"),
    ("lv_lv", "lv_lv"),
    ("et_ee", "et_ee"),
    ("en_in", "en_in"),
    ("en_pk", "en_pk"),
    ("en_ke", "en_ke"),
    ("en_ng", "en_ng"),
    ("yo_ng", "yo_ng"),
    ("tw_gh", "tw_gh"),
    ("zu_za", "zu_za"),
    ("id_id", "id_id"),
    ("vi_vn", "vi_vn"),
    ("az_az", "az_az"),
    ("uz_uz", "uz_uz"),
    ("ga_ie", "en_ie"),
    ("en_gb", "en_gb"),
    ("en_nz", "en_nz"),
    ("fr_ca", "fr_ca"),
    ("pl_pl", "hand"),
    ("hand", "hand"),
    ("hand", "hand"),
    ("hand", "hand"),
    ("hand", "hand"),
    ("hand", "hand"),
];

impl<'a> Values<'a> {
    /// The values of a new text.
    pub(crate) fn new(lists: &'a Lists, language: Language, voice: bool, random: &mut Random) -> Self {
        let origin = match language {
            Language::Spanish if random.chance(85) => ("es_es", "es_es"),
            _ if random.chance(50) => ("us", "us"),
            _ => random.pick(ORIGINS),
        };
        Self {
            lists,
            voice,
            said: voice && random.chance(72),
            origin,
            date_style: random.below(14),
            held: BTreeMap::new(),
        }
    }

    /// Writes one piece of a template.
    pub(crate) fn write(&mut self, piece: Piece<'_>, first: bool, random: &mut Random, builder: &mut Builder) {
        match piece {
            Piece::Text(text) => {
                if first && !self.voice && random.chance(85) {
                    let mut characters = text.chars();
                    if let Some(head) = characters.next() {
                        builder.plain(&head.to_uppercase().to_string());
                        builder.plain(characters.as_str());
                        return;
                    }
                }
                builder.plain(text);
            }
            Piece::Value(slot) => {
                // `name#2` is a second person; `name=` writes the one of before again.
                let (slot, again) = slot.strip_suffix('=').map_or((slot, false), |slot| (slot, true));
                let kind = slot.split('#').next().unwrap_or(slot);
                let text = match self.held.get(slot).filter(|_| again) {
                    Some(text) => text.clone(),
                    None => self.value(kind, random),
                };
                self.held.insert(slot.to_owned(), text.clone());
                let label = label(kind);
                if label == "PERSON" {
                    for (slot, part) in [
                        ("=first", text.split(' ').next()),
                        ("=last", text.split(' ').next_back()),
                    ] {
                        self.held.insert(slot.to_owned(), part.unwrap_or("").to_owned());
                    }
                }
                builder.value(label, &text);
            }
        }
    }

    fn value(&mut self, kind: &str, random: &mut Random) -> String {
        match kind {
            "name" | "nameplace" | "nameorg" => self.name(random),
            "pname" => {
                let style = random.below(10);
                let (first, last) = (self.first(random), self.last(random));
                match style {
                    0..=3 => format!("{first} {}.", initial(&last)),
                    4 => format!("{}. {last}", initial(&first)),
                    _ => format!("{first} {last}"),
                }
            }
            "drname" => {
                let title = one(random, "Dr. ;Dr. ;Dr. ;Dr ;Doctor ");
                let name = self.value("pname", random);
                format!("{title}{name}")
            }
            "first" => self.first(random),
            "last" | "lastplace" | "lastorg" | "lastscore" => self.last(random),
            "samefirst" => self.held.get("=first").cloned().unwrap_or_else(|| self.first(random)),
            "samelast" => self.held.get("=last").cloned().unwrap_or_else(|| self.last(random)),
            "revname" => format!("{}, {}", self.last(random), self.first(random)),
            "capsname" => self.name(random).to_uppercase(),
            "spellname" => {
                let name = self.held.get("=last").cloned().unwrap_or_else(|| self.last(random));
                let letters: String = name.chars().filter(char::is_ascii_alphabetic).take(9).collect();
                if self.said {
                    spoken::characters(&letters, random)
                } else {
                    letters
                        .to_uppercase()
                        .chars()
                        .map(String::from)
                        .collect::<Vec<_>>()
                        .join(one(random, "-; ;-"))
                }
            }
            "hon" => one(random, "Mr.;Mrs.;Ms.;Miss;Mr;Mrs;Ms;Dr.;Prof.;Sir")
                .to_owned(),
            "city" => self.city(random),
            "saidsmall" => spoken::small(random.between(1, 99)),
            "dni" => format!(
                "{}{}",
                digits("dddddddd", random),
                one(random, "A;B;T;Z;X;R")
            ),
            "country" => self.place("country", random),
            "state" => self.place("us-state", random),
            "region" => self.word("region", random),
            "citystate" => {
                let (city, state, code) = self.us_city(random);
                match random.below(4) {
                    0 => format!("{city}, {state}"),
                    _ => format!("{city}, {code}"),
                }
            }
            "gpe" => match random.below(10) {
                0..=4 => self.city(random),
                5..=7 => self.place("country", random),
                8 => self.place("us-state", random),
                _ => self.word("region", random),
            },
            "street" => self.street(random),
            "address" => self.address(random),
            "usaddress" | "plainaddress" => self.us_address(random),
            "zip" => self.zip(random),
            "facility" | "plainfacility" => self.facility(random),
            "org" => self.organization(random),
            "orgbig" => self.word("organization", random),
            "job" => {
                let job = one(random, JOBS);
                if random.chance(25) {
                    title_case(job)
                } else {
                    job.to_owned()
                }
            }
            "Job" => {
                let job = match random.below(3) {
                    0 => format!(
                        "{} and {} {}",
                        one(random, "Network;Sales;Food;Safety;Health;Data;Energy;Media;Facilities;Legal;Payroll;Training;Quality;Security;\
                Kitchen;Records;Textile;Budget"),
                        one(random, "computer systems;service;marketing;compliance;benefits;logistics;research;documentation;equipment;supply;\
                information;design"),
                        one(random, "manager;administrator;specialist;attendant;analyst;technician;coordinator;clerk;supervisor;officer;\
                operator;engineer")
                    ),
                    1 => format!(
                        "{} {}",
                        one(random, "Staff;Personnel;Wholesale;Industrial;Freight;Stock;Correctional;Commercial;Clinical;Medical records;\
                Water treatment;Elementary school;Special education;Environmental;Aerospace;Insurance;Mining;Forest;\
                Court;Tax;Customer service;Claims;Property;Community;Career;School;Parking;Dining room"),
                        one(random, "development specialist;manager;engineer;inspector;counselor;technician;clerk;agent;teacher;buyer;handler;\
                examiner;representative;attendant;psychologist;designer;worker;driver;aide;reporter")
                    ),
                    _ => title_first(one(random, JOBS)),
                };
                if random.chance(20) { title_case(&job) } else { job }
            }
            "Drug" => {
                if random.chance(55) {
                    self.word("brand", random)
                } else {
                    title_first(&self.word("drug", random))
                }
            }
            "nrp" => {
                let group = self.word("group", random);
                if random.chance(25) { group.to_lowercase() } else { group }
            }
            "date" => self.date(random, 2015, 2026),
            "dob" => self.date(random, 1930, 2012),
            "day" => one(random, DAYS).to_owned(),
            "monthyear" => format!("{} {}", month(random), random.between(2000, 2026)),
            "monthday" => format!("{} {}", month(random), random.between(1, 28)),
            "labelyear" | "year" | "actyear" => random.between(1950, 2026).to_string(),
            "datetime" => {
                let date = format!(
                    "{}-{:02}-{:02}",
                    random.between(1965, 2026),
                    random.between(1, 12),
                    random.between(1, 28)
                );
                format!(
                    "{date} {:02}:{:02}{}",
                    random.below(24),
                    random.below(60),
                    if random.chance(50) {
                        format!(":{:02}", random.below(60))
                    } else {
                        String::new()
                    }
                )
            }
            "clock" => format!(
                "{}:{:02}{}",
                random.between(1, 12),
                random.below(60),
                one(random, "; AM; PM;am;pm")
            ),
            "time" => format!(
                "{}:{:02}{}",
                random.between(1, 12),
                random.below(60),
                one(random, " AM; PM;am;pm")
            ),
            "age" | "plainage" => {
                let age = random.between(1, 99);
                if self.said { spoken::small(age) } else { age.to_string() }
            }
            "oldage" => random.between(90, 108).to_string(),
            "int" => random.between(1, 99).to_string(),
            "digit" => random.between(1, 9).to_string(),
            "big" => random.between(100, 9999).to_string(),
            "amount" => format!("{}.{:02}", random.between(1, 4000), random.below(100)),
            "dec" => format!("{}.{}", random.between(0, 14), random.below(10)),
            "bp" => format!("{}/{}", random.between(95, 190), random.between(55, 110)),
            "dose" => format!(
                "{}{}",
                random.pick(&[2, 5, 10, 20, 25, 40, 50, 75, 100, 200, 250, 400, 500, 850, 1000]),
                one(random, "mg; mg;mcg; mL;mg")
            ),
            "phone" => self.phone(random),
            "email" => self.email(random),
            "url" => self.url(random),
            "ip" => format!(
                "{}.{}.{}.{}",
                random.between(1, 223),
                random.below(256),
                random.below(256),
                random.below(256)
            ),
            "ssn" => self.number(random, "ddd-dd-dddd;ddd-dd-dddd;ddd dd dddd;ddddddddd"),
            "npi" => self.number(random, "1ddddddddd;1ddddddddd;dddddddddd"),
            "mrn" => self.number(random, "dddddd;ddddddd;dddddddd;ddddddddd;MRN-dddddd;MRNdddddd;AAdddddd;Addddddd;AA-ddddd;AAA-dddd;AAA-dddddd;\
                ddd-dd-dddd;dd-dd-dddd;A-ddddddd;MEDdddddddd;AAdddddddd;ddd-ddd-ddd;ddddd;MR-ddddd;MRddddddd;AAAAddddd;\
                dddd-dddd;Hdddddddd;AAAdddd;ddddA;dddddddddd"),
            "plan" => self.number(random, "AAAddddddddd;AAddddddd;Adddddddd;ddddddddd;HP-dddddd;HPdddddd;AAA-ddddddd;ddddddddd-dd;AAdddddd;\
                XAAdddddddd;INS-dddddd;HPB-ddddd;ddddd-dddd;dAAd-AAd-AAdd;AA-ddd-ddd;Wddddddddd;dddddddddA;AAAdddddd;\
                HP ddd-ddd-ddd;AAAddddddd"),
            "card" => self.number(random, "4ddddddddddddddd;4ddd dddd dddd dddd;5ddd-dddd-dddd-dddd;5ddddddddddddddd;37ddddddddddddd;\
                3ddd dddddd ddddd;6011 dddd dddd dddd;4dddddddddddd;2ddddddddddddddd;30dddddddddddd;35dddddddddddddd"),
            "idother" => self.number(random, "AA-dddd;ddddddddd;AAdddddd;A-dddddd;ID-ddddd;ddddddddddd;EMPdddddd;AAA-ddd-ddd;CASE-ddddd;dddd-dddd-dddd;\
                UID-dddddd;BIO-ddddddd"),
            "ref" => self.number(random, "ddddd;AA-dddd;#ddddd;Adddd;AAA-ddd;dddddd;dd-dddd;Wdddd;SKU-dddd"),
            "code" => self.number(random, "AdAAddddAddddddAd;AAddddddddd;A-ddddddd;CERT-dddddd;AAAddddddd;ddddddddd;dddddd;dddd-dddd;AAAA-ddddd;\
                AAdddddd;ddAAdAdAdAdddAAAA;EMPdddddd;ADAB-dddd-dddd;dddddddddddd;AAddddddddd"),
            "iban" => self.number(random, "AAddAAAAdddddddddddddd;AAdddddddddddddddddd;AAdd dddd dddd dddd dddd dd;AAddddddddddddddddddddd"),
            "count" => self.number(random, "d;dd;ddd;d,ddd;dd,ddd"),
            "escod" => self.number(random, "dd dd ddddd;dd ddd ddddd;dd/dd/ddddd;dddd;ddddd;dd dd dddd;dd-ddddd"),
            "nass" => self.number(random, "dd dddddddd dd;dd ddddddd dd;dddddddddddd;dd-dddddddd-dd;dd/dddddddd/dd"),
            "nhc" => self.number(random, "ddddddd;dddddd;dddddddd;ddddd;A-dddddd;dddddddd-A"),
            "esphone" => self.number(random, "9dddddddd;9d ddd dd dd;9dd ddd ddd;6dd ddd ddd;6dd dd dd dd;+34 9dd ddd ddd;6dddddddd;9dd-dd-dd-dd"),
            "eszip" => format!("{:02}{:03}", random.between(1, 52), random.below(1000)),
            "esage" => format!(
                "{}{}",
                random.between(1, 96),
                one(random, " años; años;; meses; años de edad")
            ),
            "esdate" => self.spanish_date(random),
            "esmonth" => format!("{} de {}", one(random, ES_MONTHS), random.between(1995, 2024)),
            "escity" => self.spanish_city(random),
            "esaddress" => self.spanish_street(random),
            "eshospital" => self.spanish_hospital(random),
            "essurnames" => format!("{} {}", self.last(random), self.last(random)),
            "esname" => {
                let first = self.first(random);
                format!("{first} {} {}", self.last(random), self.last(random))
            }
            "esdr" => {
                let first = self.first(random);
                match random.below(3) {
                    0 => format!("{first} {}", self.last(random)),
                    1 => format!("{}. {} {}", initial(&first), self.last(random), self.last(random)),
                    _ => format!("{first} {} {}", self.last(random), self.last(random)),
                }
            }
            "commonname" => {
                one(random, "May;Will;Mark;Bill;Grant;Chase;Hope;Grace;Joy;Faith;Rose;Dawn;Summer;Autumn;Penny;Art;Pat;Rich;Drew;\
                Frank;Jack;Rob;Sue;Robin;Amber;Crystal;Ruby;Ivy;Olive;Iris;Violet;Daisy;Lily;Heather;Holly;Ginger;Sandy;\
                Cliff;Dean;Earl;Duke;King;Prince;Miles;Gene;Ray;Jay;Guy;Hunter;Mason;Tanner;Carter;Cooper;Parker;Skip;\
                Chance;Christian;Angel;Melody;Harmony;Destiny;Serenity;Clay;Reed;Forest;Lane;Ridge;Stone;Brook;Sage;Max;\
                Buck;Rusty;Woody;April;June;August;Wade;Rowan;Bishop;Major;Sterling;Star").to_owned()
            }
            "placename" | "asplace" => {
                one(random, "Jordan;Austin;Virginia;Georgia;Carolina;Savannah;Dallas;Houston;Madison;Brooklyn;Paris;London;Sydney;\
                Florence;Chelsea;Charlotte;Lincoln;Jackson;Washington;Israel;Chad;India;Asia;China;Kenya;Ireland;Holland;\
                England;Montana;Dakota;Cheyenne;Phoenix;Orlando;Denver;Boston;Kingston;Preston;Bristol;Devon;Kent;\
                Lancaster;Chester;Alexandria;Victoria;Adelaide;Milan;Siena;Vienna;Geneva;Valencia;Santiago;Diego;\
                Cleveland;Tyler;Eugene;Aurora;Augusta;Helena;Salem;Lourdes;Regina;Mercedes;Troy;Camden;Raleigh;Hamilton;\
                Nevada;Tennessee;Memphis;Trenton;Easton;Dayton;Clinton;Logan;Laramie;Macon;Abilene;Odessa;Beverly;Hudson;\
                Brandon;Marion;Monroe;Franklin;Jefferson;Warren;Arlington;Berkeley;Bradford;Carson;Brittany;Catalina;\
                Rochester;Cordoba;Verona;Ravenna;Sedona").to_owned()
            }
            "orgname" => {
                one(random, "Chase;Ford;Wells Fargo;Morgan Stanley;Dell;Disney;Macy's;Wendy's;Mercedes;Tesla;Amazon;Apple;Target;\
                Oracle;Shell;Delta;Dominion;Progressive;Liberty Mutual;Prudential;Lincoln Financial;Charles Schwab;\
                Marriott;Hilton;Wharton;Stanford;Ellis;Howard University;Johns Hopkins;Pentagon;Congress;Kremlin;\
                Fidelity;Vanguard;State Farm;Nationwide;Ernst;Abbott;Baxter;Gilead;Humana;Morgan;Harley-Davidson;Tiffany;\
                Cartier;Armani;Kellogg;Cadbury;Campbell's;Heinz;Mars;Hershey;Goldman Sachs;Barclays;Lloyds").to_owned()
            }
            "orgperson" => one(random, "Chase;Ford;Morgan;Dell;Disney;Mercedes;Wells;Abbott;Baxter;Campbell;Ellis;Lloyd;Tiffany;Hilton;\
                Marriott;Wharton;Kellogg;Heinz;Ernst;Stanford;Sears;Boeing;Merck;Pfizer;Nestlé;Lilly;Deere;Lear").to_owned(),
            "river" => one(random, "Amazon;Delta;Columbia;Hudson;Tigris;Danube;Congo;Fraser;Murray;Jordan;Orange;Snake;Marne;Volta;\
                Douro;Tagus;Oder;Elbe;Clyde;Avon;Platte;Savannah;Potomac").to_owned(),
            "mixcode" => format!("{}{}", one(random, "Lv-;Vq-;Tc-;Kx-;Qb;Zs-;Ub-;Re-"), digits("ddddd", random)),
            "drug" | "eponym" => self.word(if kind == "drug" { "drug" } else { "medical" }, random),
            _ => {
                debug_assert!(false, "no value `{kind}`");
                String::new()
            }
        }
    }

    fn word(&self, section: &str, random: &mut Random) -> String {
        self.lists
            .words
            .get(section)
            .and_then(|words| words.get(random.below(words.len())))
            .cloned()
            .unwrap_or_default()
    }

    fn place(&self, section: &str, random: &mut Random) -> String {
        self.lists
            .places
            .get(section)
            .and_then(|places| places.get(random.below(places.len())))
            .map(|(name, _)| name.clone())
            .unwrap_or_default()
    }

    fn first(&self, random: &mut Random) -> String {
        match random.below(100) {
            0..=3 => self.other(random),
            _ if self.origin.0 == "hand" => self.word("given", random),
            _ => frequent(self.lists.given.get(self.origin.0), self.origin.0 == "us", random),
        }
    }

    fn last(&self, random: &mut Random) -> String {
        match random.below(100) {
            0..=5 => self.other(random),
            6..=8 => format!("{}-{}", self.plain_last(random), self.plain_last(random)),
            _ => self.plain_last(random),
        }
    }

    fn plain_last(&self, random: &mut Random) -> String {
        if self.origin.1 == "hand" {
            self.word("family", random)
        } else {
            frequent(self.lists.surnames.get(self.origin.1), self.origin.1 == "us", random)
        }
    }

    fn other(&self, random: &mut Random) -> String {
        let names = &self.lists.names_other;
        names.get(random.below(names.len())).cloned().unwrap_or_default()
    }

    fn name(&self, random: &mut Random) -> String {
        let (first, last) = (self.first(random), self.last(random));
        match random.below(24) {
            0 => format!("{first} {}. {last}", initial(&self.first(random))),
            1 => format!("{first} {} {last}", self.first(random)),
            2 if !self.voice => format!("{first} {}", last.to_uppercase()),
            3 if !self.voice => format!("{}. {last}", initial(&first)),
            4 => format!("{first} {} {last}", one(random, "van;de;von;van der;del;da;bin;al")),
            5 => format!("{first} {last} {}", self.plain_last(random)),
            6 if !self.voice => format!("{first} {last}{}", one(random, " Jr.; III; Jr;, Jr.")),
            _ => format!("{first} {last}"),
        }
    }
}

/// The label of a kind of value; empty if it is none.
fn label(kind: &str) -> &'static str {
    match kind {
        "name" | "pname" | "drname" | "first" | "last" | "samefirst" | "samelast" | "revname" | "capsname"
        | "spellname" | "commonname" | "placename" | "essurnames" | "esname" | "esdr" | "orgperson" => "PERSON",
        "city" | "asplace" | "country" | "state" | "region" | "citystate" | "gpe" | "street" | "address"
        | "usaddress" | "zip" | "facility" | "eszip" | "escity" | "esaddress" | "eshospital" | "nameplace"
        | "lastplace" | "river" => "LOCATION",
        "org" | "orgbig" | "orgname" | "nameorg" | "lastorg" => "ORGANIZATION",
        "job" | "Job" | "hon" => "TITLE",
        "nrp" => "NRP",
        "date" | "dob" | "day" | "monthyear" | "monthday" | "actyear" | "datetime" | "time" | "esdate" | "esmonth" => {
            "DATE_TIME"
        }
        "age" | "oldage" | "esage" => "AGE",
        "phone" | "esphone" => "PHONE",
        "email" => "EMAIL",
        "url" => "URL",
        "ip" => "IP",
        "ssn" => "US_SSN",
        "npi" => "US_NPI",
        "mrn" | "nhc" => "MRN",
        "plan" | "nass" => "HEALTH_PLAN",
        "card" => "CREDIT_CARD",
        "idother" | "escod" | "dni" => "ID_OTHER",
        _ => "",
    }
}

/// One of the words in a list, which are parted by `;`.
fn one<'w>(random: &mut Random, words: &'w str) -> &'w str {
    let count = words.split(';').count();
    words.split(';').nth(random.below(count)).unwrap_or("")
}

/// Frequent names more often, if the list is in the order of frequency.
fn frequent(names: Option<&Vec<String>>, ordered: bool, random: &mut Random) -> String {
    let Some(names) = names else { return String::new() };
    let mut index = random.below(names.len());
    if ordered {
        for _ in 0..2 {
            index = index.min(random.below(names.len()));
        }
        if random.chance(45) {
            index = random.below(names.len().min(250));
        }
    }
    names.get(index).cloned().unwrap_or_default()
}

fn initial(name: &str) -> String {
    name.chars().next().map(String::from).unwrap_or_default()
}

fn title_first(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|head| head.to_uppercase().chain(characters).collect::<String>())
        .unwrap_or_default()
}

fn title_case(text: &str) -> String {
    text.split(' ')
        .map(|word| {
            let mut characters = word.chars();
            characters
                .next()
                .map(|head| head.to_uppercase().chain(characters).collect::<String>())
                .unwrap_or_default()
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn ascii(name: &str) -> String {
    crate::tagger::token::folded(name)
        .into_iter()
        .filter(u8::is_ascii_alphabetic)
        .map(char::from)
        .collect()
}

const fn suffix(day: usize) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

fn month(random: &mut Random) -> &'static str {
    random.pick(&MONTHS)
}

/// `d` as a random digit, `A` as a random letter; other characters stay.
pub(crate) fn digits(form: &str, random: &mut Random) -> String {
    let literal = [
        "MRN", "MED", "HP", "INS", "EMP", "CASE", "UID", "BIO", "SKU", "APO", "PSC", "CMR", "ID-", "MR-", "Box", "Unit",
    ];
    let kept = literal
        .iter()
        .find(|head| form.starts_with(**head))
        .map_or(0, |head| head.len());
    let mut out = String::new();
    let mut after_box = false;
    for (index, sign) in form.char_indices() {
        if form.get(index..).is_some_and(|rest| rest.starts_with("Box")) {
            after_box = true;
        }
        out.push(match sign {
            _ if index < kept => sign,
            'd' => char::from(b'0' + random.below(10) as u8),
            'A' if !after_box => char::from(b'A' + random.below(26) as u8),
            _ => sign,
        });
    }
    out
}
