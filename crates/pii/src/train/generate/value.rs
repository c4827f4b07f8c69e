//! Values of every kind, in the ways that people write them.

use super::Language;
use super::grammar::Piece;
use super::spoken;
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

const STREETS: &[&str] = &[
    "Main",
    "Oak",
    "Maple",
    "Pine",
    "Cedar",
    "Elm",
    "Park",
    "Washington",
    "Lake",
    "Hill",
    "Walnut",
    "Spring",
    "North",
    "Ridge",
    "Church",
    "Willow",
    "Mill",
    "Sunset",
    "Railroad",
    "Jackson",
    "River",
    "Highland",
    "Jefferson",
    "Center",
    "Franklin",
    "Forest",
    "Meadow",
    "Lincoln",
    "Adams",
    "Chestnut",
    "Broad",
    "Dogwood",
    "Hickory",
    "Fifth",
    "Third",
    "5th",
    "12th",
    "42nd",
    "Madison",
    "Market",
    "Green",
    "High",
    "Station",
    "Victoria",
    "Queen",
    "King",
    "Mission",
    "Grand",
    "Harbor",
    "Valley",
    "Bay",
    "Cherry",
    "Magnolia",
    "Laurel",
    "Locust",
    "Riverside",
    "College",
];
const KINDS: &[&str] = &[
    "Street",
    "St",
    "St.",
    "Avenue",
    "Ave",
    "Ave.",
    "Road",
    "Rd",
    "Rd.",
    "Boulevard",
    "Blvd",
    "Drive",
    "Dr",
    "Lane",
    "Ln",
    "Court",
    "Ct",
    "Circle",
    "Place",
    "Way",
    "Terrace",
    "Parkway",
    "Highway",
    "Trail",
    "Crescent",
    "Close",
    "Square",
    "Loop",
    "Crossing",
    "Point",
    "Path",
    "Row",
    "Run",
    "Views",
    "Gardens",
    "Mews",
    "Pike",
    "Plaza",
    "Walk",
];
const SAID_KINDS: &[&str] = &[
    "Street",
    "Avenue",
    "Road",
    "Boulevard",
    "Drive",
    "Lane",
    "Court",
    "Place",
    "Way",
];
const ENDINGS: &[&str] = &[
    "strasse", "straße", "gatan", "vägen", "vej", "gade", "weg", "laan", "straat", "gata", "veien", "katu", "tie",
    "gasse", "plein", "allee", "bakken", "kade", "dreef",
];
const STEMS: &[&str] = &[
    "Haupt",
    "Bahnhof",
    "Berliner",
    "Wald",
    "Schul",
    "Linden",
    "Kirch",
    "Garten",
    "Berg",
    "Skol",
    "Kungs",
    "Stor",
    "Björk",
    "Nørre",
    "Vester",
    "Skov",
    "Møllers",
    "Hammar",
    "Kerk",
    "Dorps",
    "Molen",
    "Prins",
    "Beuken",
    "Wilhelmina",
    "Rosen",
    "Schiller",
    "Mozart",
    "Pohjois",
    "Kosken",
    "Mannerheimin",
    "Kirke",
    "Strand",
    "Ring",
    "Sonnen",
    "Brücken",
    "Tulpen",
    "Frederiks",
    "Eke",
    "Lille",
    "Sjö",
    "Ängs",
    "Buchen",
    "Lange",
    "Nieuwe",
];
const FIRST_KINDS: &[&str] = &[
    "Rue",
    "rue de",
    "Rue de la",
    "Avenue de",
    "Boulevard",
    "Via",
    "Viale",
    "Piazza",
    "Calle",
    "Avenida",
    "Rua",
    "ul.",
    "Ulica",
    "Avda.",
    "C/",
    "Place",
    "Chemin de",
    "Corso",
    "Travessa",
    "Strada",
    "Plaza",
    "Paseo",
    "Jalan",
];
const ES_KINDS: &[&str] = &[
    "Calle",
    "C/",
    "Avenida",
    "Avda.",
    "Avd.",
    "Av.",
    "Plaza",
    "Pza.",
    "Paseo",
    "Pº",
    "Ronda",
    "Carrer",
    "Rúa",
    "Camino",
    "Carretera",
    "Ctra.",
    "Travesía",
    "Urbanización",
    "Gran Vía",
    "Rambla",
    "Glorieta",
];
const ES_STREETS: &[&str] = &[
    "Mayor",
    "Real",
    "del Sol",
    "de la Constitución",
    "de España",
    "San Juan",
    "Santa María",
    "de Cervantes",
    "Colón",
    "de los Olivos",
    "Goya",
    "Velázquez",
    "del Carmen",
    "San Antonio",
    "Alcalá",
    "Serrano",
    "de Andalucía",
    "del Prado",
    "de la Paz",
    "Ramón y Cajal",
    "Doctor Fleming",
    "Rosalía de Castro",
    "Juan Carlos I",
    "de la Estación",
    "del Mar",
    "Nueva",
    "Ancha",
    "Espronceda",
    "Lope de Vega",
    "Machado",
    "Miguel Hernández",
    "de la Iglesia",
    "San Sebastián",
    "Arenal",
    "Aragón",
    "Valencia",
    "Balmes",
    "Marina",
    "Larios",
    "Princesa",
    "Toledo",
    "Zaragoza",
];
const FACILITY_HEADS: &[&str] = &[
    "General Hospital",
    "Medical Center",
    "Memorial Hospital",
    "Regional Hospital",
    "Community Hospital",
    "Clinic",
    "Family Clinic",
    "University Hospital",
    "Children's Hospital",
    "Health Center",
    "Regional Medical Center",
    "Hospital",
    "Health",
    "Med Ctr",
    "Medical Centre",
    "County Hospital",
    "Urgent Care",
    "Hospital Center",
    "Veterans Hospital",
    "Healthcare",
    "Health System",
    "Cancer Center",
    "Heart Institute",
    "Surgical Center",
    "Rehabilitation Center",
    "General",
    "Memorial",
    "Primary Care",
    "Family Medicine",
    "Hospice",
];
const SAINTS: &[&str] = &[
    "Mary",
    "Joseph",
    "Luke",
    "John",
    "Anthony",
    "Vincent",
    "Francis",
    "Michael",
    "Thomas",
    "Elizabeth",
    "Jude",
    "Peter",
    "Anne",
    "Agnes",
    "Mark",
    "Catherine",
    "Patrick",
    "Clare",
];
const ORG_STEMS: &[&str] = &[
    "Data", "Cloud", "Net", "Bright", "Blue", "North", "Green", "Silver", "Inter", "Trans", "Omni", "Pro", "Med",
    "Bio", "Geo", "Agri", "Air", "Aero", "Cyber", "Quant", "Vertex", "Apex", "Summit", "Pioneer", "Liberty", "Atlas",
    "Delta", "Nova", "Solar", "Terra", "Urban", "Zen", "Civic", "Code", "Cost", "Flight", "Energy", "Health", "Job",
    "Land", "Map", "Open", "People", "Rock", "Ship", "Smart", "Spring", "Square", "Star", "Trip", "True", "Web",
    "Work", "Zip", "Clear", "Fire", "Red", "First", "Farm", "Legal", "Lending", "Social", "Sky",
];
const ORG_TAILS: &[&str] = &[
    "mine", "quest", "ware", "scape", "metrics", "stat", "bridge", "point", "path", "works", "logic", "wise", "tree",
    "view", "cast", "link", "gen", "sense", "scan", "forge", "ly", "ify", "io", "hub", "base", "graph", "aware",
    "sonic", "tech", "corp", "soft", "land", "line", "ist", "ix", "nomics",
];
const ORG_WORDS: &[&str] = &[
    "Technologies",
    "Solutions",
    "Systems",
    "Partners",
    "Analytics",
    "Labs",
    "Networks",
    "Services",
    "Group",
    "Holdings",
    "Industries",
    "Consulting",
    "Logistics",
    "Capital",
    "Media",
    "Research",
    "Software",
    "Energy",
    "Insurance",
    "Financial",
    "Global",
    "International",
    "Digital",
    "Foods",
    "Airlines",
    "Motors",
    "Pharmaceuticals",
    "Institute",
    "Foundation",
    "Associates",
    "Laboratories",
    "Properties",
    "Realty",
    "Credit Union",
    "Mutual",
    "Communications",
    "Interactive",
    "Dynamics",
    "Ventures",
    "Trust",
    "Society",
    "Council",
    "Bank",
    "University",
    "Records",
    "Press",
    "Construction",
    "Textiles",
    "Transit",
    "Steel",
    "Shipping",
];
const ORG_FORMS: &[&str] = &[
    "Inc", "Inc.", "LLC", "Ltd", "Ltd.", "PLC", "Corp", "Corp.", "Co.", "GmbH", "AG", "S.A.", "AB", "BV", "Group",
    "and Sons", "& Co", "LLP", "Oy", "S.p.A.",
];
const JOBS: &[&str] = &[
    "engineer",
    "software engineer",
    "civil engineer",
    "nurse",
    "registered nurse",
    "teacher",
    "primary school teacher",
    "lawyer",
    "paralegal",
    "accountant",
    "tax accountant",
    "data analyst",
    "web developer",
    "graphic designer",
    "consultant",
    "police officer",
    "bank clerk",
    "bookkeeper",
    "lab technician",
    "dental assistant",
    "secretary",
    "CEO",
    "CFO",
    "CTO",
    "chief executive",
    "journalist",
    "copy editor",
    "actor",
    "musician",
    "record producer",
    "chef",
    "sous chef",
    "waiter",
    "truck driver",
    "bus driver",
    "pilot",
    "farmer",
    "plumber",
    "carpenter",
    "electrician",
    "mechanic",
    "cashier",
    "architect",
    "marine biologist",
    "research scientist",
    "professor",
    "assistant professor",
    "basketball coach",
    "personal trainer",
    "real estate agent",
    "insurance broker",
    "shift supervisor",
    "HR specialist",
    "project manager",
    "product manager",
    "regional sales manager",
    "store manager",
    "machine operator",
    "packer",
    "building inspector",
    "librarian",
    "translator",
    "security guard",
    "veterinarian",
    "pharmacist",
    "radiographer",
    "physiotherapist",
    "midwife",
    "social worker",
    "baker",
    "butcher",
    "barber",
    "hairdresser",
    "tailor",
    "locksmith",
    "roofer",
    "welder",
    "geologist",
    "economist",
    "statistician",
    "auditor",
    "claims adjuster",
    "underwriter",
    "flight attendant",
    "air traffic controller",
    "firefighter",
    "paramedic",
    "park ranger",
    "logger",
    "surveyor",
    "animator",
    "photographer",
    "curator",
    "buyer",
    "office clerk",
    "data entry keyer",
    "payroll clerk",
    "telemarketer",
    "dispatcher",
    "courier",
    "postmaster",
    "optician",
    "dietitian",
    "audiologist",
    "speech therapist",
    "X-ray operator",
    "ultrasound technologist",
    "cost estimator",
    "loan officer",
    "credit analyst",
    "financial planner",
    "museum guide",
    "tour guide",
    "gardener",
    "landscaper",
    "janitor",
    "housekeeper",
    "nanny",
    "sheriff",
    "judge",
    "mayor",
    "senator",
    "bishop",
];
const TOPLEVEL: &[&str] = &[
    "com", "org", "net", "edu", "co.uk", "de", "es", "io", "fr", "us", "ca", "com.au", "it", "se",
];
const MAILERS: &[&str] = &[
    "gmail", "yahoo", "hotmail", "outlook", "icloud", "aol", "mail", "proton", "example",
];
const ES_MONTHS: &[&str] = &[
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const DAYS: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

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
                let ends_sentence = builder.example.text.ends_with([' ', '\n'])
                    && builder.example.text.trim_end().ends_with(['.', '?', '!']);
                let _ = ends_sentence;
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
            "name" => self.name(random),
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
                let title = random.pick(&["Dr. ", "Dr. ", "Dr. ", "Dr ", "Doctor "]);
                let name = self.value("pname", random);
                format!("{title}{name}")
            }
            "first" => self.first(random),
            "last" => self.last(random),
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
                        .join(random.pick(&["-", " ", "-"]))
                }
            }
            "hon" => random
                .pick(&["Mr.", "Mrs.", "Ms.", "Miss", "Mr", "Mrs", "Ms", "Dr.", "Prof.", "Sir"])
                .to_owned(),
            "city" => self.city(random),
            "saidsmall" => spoken::small(random.between(1, 99)),
            "dni" => format!(
                "{}{}",
                digits("dddddddd", random),
                random.pick(&["A", "B", "T", "Z", "X", "R"])
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
                let job = random.pick(JOBS);
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
                        random.pick(&[
                            "Network",
                            "Sales",
                            "Food",
                            "Safety",
                            "Health",
                            "Data",
                            "Energy",
                            "Media",
                            "Facilities",
                            "Legal",
                            "Payroll",
                            "Training",
                            "Quality",
                            "Security",
                            "Kitchen",
                            "Records",
                            "Textile",
                            "Budget"
                        ]),
                        random.pick(&[
                            "computer systems",
                            "service",
                            "marketing",
                            "compliance",
                            "benefits",
                            "logistics",
                            "research",
                            "documentation",
                            "equipment",
                            "supply",
                            "information",
                            "design"
                        ]),
                        random.pick(&[
                            "manager",
                            "administrator",
                            "specialist",
                            "attendant",
                            "analyst",
                            "technician",
                            "coordinator",
                            "clerk",
                            "supervisor",
                            "officer",
                            "operator",
                            "engineer"
                        ])
                    ),
                    1 => format!(
                        "{} {}",
                        random.pick(&[
                            "Staff",
                            "Personnel",
                            "Wholesale",
                            "Industrial",
                            "Freight",
                            "Stock",
                            "Correctional",
                            "Commercial",
                            "Clinical",
                            "Medical records",
                            "Water treatment",
                            "Elementary school",
                            "Special education",
                            "Environmental",
                            "Aerospace",
                            "Insurance",
                            "Mining",
                            "Forest",
                            "Court",
                            "Tax",
                            "Customer service",
                            "Claims",
                            "Property",
                            "Community",
                            "Career",
                            "School",
                            "Parking",
                            "Dining room"
                        ]),
                        random.pick(&[
                            "development specialist",
                            "manager",
                            "engineer",
                            "inspector",
                            "counselor",
                            "technician",
                            "clerk",
                            "agent",
                            "teacher",
                            "buyer",
                            "handler",
                            "examiner",
                            "representative",
                            "attendant",
                            "psychologist",
                            "designer",
                            "worker",
                            "driver",
                            "aide",
                            "reporter"
                        ])
                    ),
                    _ => title_first(random.pick(JOBS)),
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
            "day" => random.pick(DAYS).to_owned(),
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
                random.pick(&["", " AM", " PM", "am", "pm"])
            ),
            "time" => format!(
                "{}:{:02}{}",
                random.between(1, 12),
                random.below(60),
                random.pick(&[" AM", " PM", "am", "pm"])
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
                random.pick(&["mg", " mg", "mcg", " mL", "mg"])
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
            "ssn" => self.number(random, &["ddd-dd-dddd", "ddd-dd-dddd", "ddd dd dddd", "ddddddddd"]),
            "npi" => self.number(random, &["1ddddddddd", "1ddddddddd", "dddddddddd"]),
            "mrn" => self.number(
                random,
                &[
                    "dddddd",
                    "ddddddd",
                    "dddddddd",
                    "ddddddddd",
                    "MRN-dddddd",
                    "MRNdddddd",
                    "AAdddddd",
                    "Addddddd",
                    "AA-ddddd",
                    "AAA-dddd",
                    "AAA-dddddd",
                    "ddd-dd-dddd",
                    "dd-dd-dddd",
                    "A-ddddddd",
                    "MEDdddddddd",
                    "AAdddddddd",
                    "ddd-ddd-ddd",
                    "ddddd",
                    "MR-ddddd",
                    "MRddddddd",
                    "AAAAddddd",
                    "dddd-dddd",
                    "Hdddddddd",
                    "AAAdddd",
                    "ddddA",
                    "dddddddddd",
                ],
            ),
            "plan" => self.number(
                random,
                &[
                    "AAAddddddddd",
                    "AAddddddd",
                    "Adddddddd",
                    "ddddddddd",
                    "HP-dddddd",
                    "HPdddddd",
                    "AAA-ddddddd",
                    "ddddddddd-dd",
                    "AAdddddd",
                    "XAAdddddddd",
                    "INS-dddddd",
                    "HPB-ddddd",
                    "ddddd-dddd",
                    "dAAd-AAd-AAdd",
                    "AA-ddd-ddd",
                    "Wddddddddd",
                    "dddddddddA",
                    "AAAdddddd",
                    "HP ddd-ddd-ddd",
                    "AAAddddddd",
                ],
            ),
            "card" => self.number(
                random,
                &[
                    "4ddddddddddddddd",
                    "4ddd dddd dddd dddd",
                    "5ddd-dddd-dddd-dddd",
                    "5ddddddddddddddd",
                    "37ddddddddddddd",
                    "3ddd dddddd ddddd",
                    "6011 dddd dddd dddd",
                    "4dddddddddddd",
                    "2ddddddddddddddd",
                    "30dddddddddddd",
                    "35dddddddddddddd",
                ],
            ),
            "idother" => self.number(
                random,
                &[
                    "AA-dddd",
                    "ddddddddd",
                    "AAdddddd",
                    "A-dddddd",
                    "ID-ddddd",
                    "ddddddddddd",
                    "EMPdddddd",
                    "AAA-ddd-ddd",
                    "CASE-ddddd",
                    "dddd-dddd-dddd",
                    "UID-dddddd",
                    "BIO-ddddddd",
                ],
            ),
            "ref" => self.number(
                random,
                &[
                    "ddddd", "AA-dddd", "#ddddd", "Adddd", "AAA-ddd", "dddddd", "dd-dddd", "Wdddd", "SKU-dddd",
                ],
            ),
            "code" => self.number(
                random,
                &[
                    "AdAAddddAddddddAd",
                    "AAddddddddd",
                    "A-ddddddd",
                    "CERT-dddddd",
                    "AAAddddddd",
                    "ddddddddd",
                    "dddddd",
                    "dddd-dddd",
                    "AAAA-ddddd",
                    "AAdddddd",
                    "ddAAdAdAdAdddAAAA",
                    "EMPdddddd",
                    "ADAB-dddd-dddd",
                    "dddddddddddd",
                    "AAddddddddd",
                ],
            ),
            "iban" => self.number(
                random,
                &[
                    "AAddAAAAdddddddddddddd",
                    "AAdddddddddddddddddd",
                    "AAdd dddd dddd dddd dddd dd",
                    "AAddddddddddddddddddddd",
                ],
            ),
            "count" => self.number(random, &["d", "dd", "ddd", "d,ddd", "dd,ddd"]),
            "escod" => self.number(
                random,
                &[
                    "dd dd ddddd",
                    "dd ddd ddddd",
                    "dd/dd/ddddd",
                    "dddd",
                    "ddddd",
                    "dd dd dddd",
                    "dd-ddddd",
                ],
            ),
            "nass" => self.number(
                random,
                &[
                    "dd dddddddd dd",
                    "dd ddddddd dd",
                    "dddddddddddd",
                    "dd-dddddddd-dd",
                    "dd/dddddddd/dd",
                ],
            ),
            "nhc" => self.number(
                random,
                &["ddddddd", "dddddd", "dddddddd", "ddddd", "A-dddddd", "dddddddd-A"],
            ),
            "esphone" => self.number(
                random,
                &[
                    "9dddddddd",
                    "9d ddd dd dd",
                    "9dd ddd ddd",
                    "6dd ddd ddd",
                    "6dd dd dd dd",
                    "+34 9dd ddd ddd",
                    "6dddddddd",
                    "9dd-dd-dd-dd",
                ],
            ),
            "eszip" => format!("{:02}{:03}", random.between(1, 52), random.below(1000)),
            "esage" => format!(
                "{}{}",
                random.between(1, 96),
                random.pick(&[" años", " años", "", " meses", " años de edad"])
            ),
            "esdate" => self.spanish_date(random),
            "esmonth" => format!("{} de {}", random.pick(ES_MONTHS), random.between(1995, 2024)),
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
                let words = [
                    "May",
                    "Will",
                    "Mark",
                    "Bill",
                    "Grant",
                    "Chase",
                    "Hope",
                    "Grace",
                    "Joy",
                    "Faith",
                    "Rose",
                    "Dawn",
                    "Summer",
                    "Autumn",
                    "Penny",
                    "Art",
                    "Pat",
                    "Rich",
                    "Drew",
                    "Frank",
                    "Jack",
                    "Rob",
                    "Sue",
                    "Robin",
                    "Amber",
                    "Crystal",
                    "Ruby",
                    "Ivy",
                    "Olive",
                    "Iris",
                    "Violet",
                    "Daisy",
                    "Lily",
                    "Heather",
                    "Holly",
                    "Ginger",
                    "Sandy",
                    "Cliff",
                    "Dean",
                    "Earl",
                    "Duke",
                    "King",
                    "Prince",
                    "Miles",
                    "Gene",
                    "Ray",
                    "Jay",
                    "Guy",
                    "Hunter",
                    "Mason",
                    "Tanner",
                    "Carter",
                    "Cooper",
                    "Parker",
                    "Skip",
                    "Chance",
                    "Christian",
                    "Angel",
                    "Melody",
                    "Harmony",
                    "Destiny",
                    "Serenity",
                    "Clay",
                    "Reed",
                    "Forest",
                    "Lane",
                    "Ridge",
                    "Stone",
                    "Brook",
                    "Sage",
                    "Max",
                    "Buck",
                    "Rusty",
                    "Woody",
                    "April",
                    "June",
                    "August",
                    "Wade",
                    "Rowan",
                    "Bishop",
                    "Major",
                    "Sterling",
                    "Star",
                ];
                random.pick(&words).to_owned()
            }
            "placename" | "asplace" => {
                let words = [
                    "Jordan",
                    "Austin",
                    "Virginia",
                    "Georgia",
                    "Carolina",
                    "Savannah",
                    "Dallas",
                    "Houston",
                    "Madison",
                    "Brooklyn",
                    "Paris",
                    "London",
                    "Sydney",
                    "Florence",
                    "Chelsea",
                    "Charlotte",
                    "Lincoln",
                    "Jackson",
                    "Washington",
                    "Israel",
                    "Chad",
                    "India",
                    "Asia",
                    "China",
                    "Kenya",
                    "Ireland",
                    "Holland",
                    "England",
                    "Montana",
                    "Dakota",
                    "Cheyenne",
                    "Phoenix",
                    "Orlando",
                    "Denver",
                    "Boston",
                    "Kingston",
                    "Preston",
                    "Bristol",
                    "Devon",
                    "Kent",
                    "Lancaster",
                    "Chester",
                    "Alexandria",
                    "Victoria",
                    "Adelaide",
                    "Milan",
                    "Siena",
                    "Vienna",
                    "Geneva",
                    "Valencia",
                    "Santiago",
                    "Diego",
                    "Cleveland",
                    "Tyler",
                    "Eugene",
                    "Aurora",
                    "Augusta",
                    "Helena",
                    "Salem",
                    "Lourdes",
                    "Regina",
                    "Mercedes",
                    "Troy",
                    "Camden",
                    "Raleigh",
                    "Hamilton",
                    "Nevada",
                    "Tennessee",
                    "Memphis",
                    "Trenton",
                    "Easton",
                    "Dayton",
                    "Clinton",
                    "Logan",
                    "Laramie",
                    "Macon",
                    "Abilene",
                    "Odessa",
                    "Beverly",
                    "Hudson",
                    "Brandon",
                    "Marion",
                    "Monroe",
                    "Franklin",
                    "Jefferson",
                    "Warren",
                    "Arlington",
                    "Berkeley",
                    "Bradford",
                    "Carson",
                    "Brittany",
                    "Catalina",
                    "Rochester",
                    "Cordoba",
                    "Verona",
                    "Ravenna",
                    "Sedona",
                ];
                random.pick(&words).to_owned()
            }
            "orgname" => {
                let words = [
                    "Chase",
                    "Ford",
                    "Wells Fargo",
                    "Morgan Stanley",
                    "Dell",
                    "Disney",
                    "Macy's",
                    "Wendy's",
                    "Mercedes",
                    "Tesla",
                    "Amazon",
                    "Apple",
                    "Target",
                    "Oracle",
                    "Shell",
                    "Delta",
                    "Dominion",
                    "Progressive",
                    "Liberty Mutual",
                    "Prudential",
                    "Lincoln Financial",
                    "Charles Schwab",
                    "Marriott",
                    "Hilton",
                    "Wharton",
                    "Stanford",
                    "Ellis",
                    "Howard University",
                    "Johns Hopkins",
                    "Pentagon",
                    "Congress",
                    "Kremlin",
                    "Fidelity",
                    "Vanguard",
                    "State Farm",
                    "Nationwide",
                    "Ernst",
                    "Abbott",
                    "Baxter",
                    "Gilead",
                    "Humana",
                    "Morgan",
                    "Harley-Davidson",
                    "Tiffany",
                    "Cartier",
                    "Armani",
                    "Kellogg",
                    "Cadbury",
                    "Campbell's",
                    "Heinz",
                    "Mars",
                    "Hershey",
                    "Goldman Sachs",
                    "Barclays",
                    "Lloyds",
                ];
                random.pick(&words).to_owned()
            }
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
            4 => format!(
                "{first} {} {last}",
                random.pick(&["van", "de", "von", "van der", "del", "da", "bin", "al"])
            ),
            5 => format!("{first} {last} {}", self.plain_last(random)),
            6 if !self.voice => format!("{first} {last}{}", random.pick(&[" Jr.", " III", " Jr", ", Jr."])),
            _ => format!("{first} {last}"),
        }
    }

    fn us_city(&self, random: &mut Random) -> (String, String, String) {
        let city = self.city_of(&["big", "big", "mid", "small"], |country| country == "US", random);
        let states = self.lists.places.get("us-state");
        let (state, code) = states
            .and_then(|states| states.get(random.below(states.len())))
            .cloned()
            .unwrap_or_default();
        (city, state, code)
    }

    fn city_of(&self, sizes: &[&str], fits: impl Fn(&str) -> bool, random: &mut Random) -> String {
        let Some(cities) = self.lists.cities.get(random.pick(sizes)) else {
            return String::new();
        };
        for _ in 0..60 {
            if let Some((city, country)) = cities.get(random.below(cities.len()))
                && fits(country)
            {
                return city.clone();
            }
        }
        "Springfield".to_owned()
    }

    fn city(&self, random: &mut Random) -> String {
        let city = if random.chance(if self.voice { 65 } else { 40 }) {
            self.city_of(
                &["big", "big", "mid"],
                |country| matches!(country, "US" | "GB" | "CA" | "AU"),
                random,
            )
        } else {
            self.city_of(&["big", "mid", "mid", "small"], |_| true, random)
        };
        if !self.voice && random.chance(4) {
            city.to_uppercase()
        } else {
            city
        }
    }

    fn zip(&self, random: &mut Random) -> String {
        if self.said {
            return spoken::characters(&digits("ddddd", random), random);
        }
        let form = random.pick(&[
            "ddddd",
            "ddddd",
            "ddddd",
            "ddddd-dddd",
            "dddd",
            "ddd dd",
            "AAd dAA",
            "AA dAA",
            "AdA dAd",
            "dddd AA",
            "ddddd-ddd",
            "dd-ddd",
            "AAdd dAA",
            "ddd",
        ]);
        digits(form, random)
    }

    fn street(&self, random: &mut Random) -> String {
        if self.voice {
            let street = if random.chance(60) {
                random.pick(STREETS).to_owned()
            } else {
                self.plain_last(random)
            };
            let number = random.between(1, 9999);
            let number = if self.said {
                spoken::house(number, random)
            } else {
                number.to_string()
            };
            return format!("{number} {street} {}", random.pick(SAID_KINDS));
        }
        let limit = if random.chance(20) { 9999 } else { 300 };
        let number = random.between(1, limit);
        match random.below(20) {
            0..=8 => {
                let street = match random.below(10) {
                    0..=5 => random.pick(STREETS).to_owned(),
                    6 => format!(
                        "{} {}",
                        random.pick(&["N", "S", "E", "W", "North", "West", "N.", "SW"]),
                        random.pick(STREETS)
                    ),
                    _ => self.plain_last(random),
                };
                format!("{number} {street} {}", random.pick(KINDS))
            }
            9..=13 => {
                let stem = if random.chance(75) {
                    random.pick(STEMS).to_owned()
                } else {
                    self.plain_last(random)
                };
                let street = format!("{stem}{}", random.pick(ENDINGS));
                if random.chance(85) {
                    format!("{street} {number}")
                } else {
                    format!("{number} {street}")
                }
            }
            14 => format!(
                "{} {} {number}",
                random.pick(&["Wiener", "Alter", "Neue", "Am alten", "Kleine", "Grosse"]),
                random.pick(&["Strasse", "Weg", "Markt", "Allee", "Platz", "Gasse"])
            ),
            15..=17 => {
                let kind = random.pick(FIRST_KINDS);
                let street = if random.chance(50) {
                    self.plain_last(random)
                } else {
                    self.city_of(&["mid", "small"], |_| true, random)
                };
                match random.below(3) {
                    0 => format!("{number} {kind} {street}"),
                    1 => format!("{kind} {street}, {number}"),
                    _ => format!("{kind} {street} {number}"),
                }
            }
            18 => format!("{} {number}", self.city_of(&["small"], |_| true, random)),
            _ => format!(
                "{} {}",
                random.pick(&["P.O. Box", "PO Box", "P. O. Box", "Post Office Box"]),
                random.between(1, 9999)
            ),
        }
    }

    fn unit(random: &mut Random) -> String {
        format!(
            "{} {}",
            random.pick(&["Apt.", "Apt", "Suite", "Unit", "Ste", "Room", "Floor", "Flat", "#"]),
            random.between(1, 999)
        )
    }

    fn us_address(&self, random: &mut Random) -> String {
        let (city, state, code) = self.us_city(random);
        let street = format!(
            "{} {} {}",
            random.between(1, 9999),
            random.pick(STREETS),
            random.pick(KINDS)
        );
        let state = if random.chance(80) { code } else { state };
        let unit = if random.chance(20) {
            format!(", {}", Self::unit(random))
        } else {
            String::new()
        };
        let zip = if random.chance(60) {
            digits(" ddddd", random)
        } else {
            String::new()
        };
        format!("{street}{unit}, {city}, {state}{zip}")
    }

    fn address(&self, random: &mut Random) -> String {
        if self.voice {
            return self.street(random);
        }
        match random.below(12) {
            0..=2 => return self.us_address(random),
            3 => {
                let box_form = random.pick(&["PSC ddd, Box dddd", "Unit dddd Box dddd", "USS ", "CMR ddd, Box ddd"]);
                let head = if box_form == "USS " {
                    format!("USS {}", self.plain_last(random))
                } else {
                    digits(box_form, random)
                };
                return format!(
                    "{head}{}{} {} {}",
                    random.pick(&["\n", ", ", " "]),
                    random.pick(&["APO", "FPO", "DPO"]),
                    random.pick(&["AA", "AE", "AP"]),
                    digits("ddddd", random)
                );
            }
            _ => {}
        }
        let separator = random.pick(&[", ", "\n", "\n ", " ", ", ", "\n", ",\n"]);
        let mut parts = vec![self.street(random)];
        if random.chance(40) {
            parts.push(Self::unit(random));
        }
        let city = self.city(random);
        let zip = self.zip(random);
        parts.push(match random.below(6) {
            0 | 1 => format!("{zip} {city}"),
            2 => format!("{city} {zip}"),
            3 => format!("{city}, {} {zip}", self.us_city(random).2),
            4 => format!("{city} {}", self.word("region", random)),
            _ => city,
        });
        if random.chance(45) {
            let country = self.place("country", random);
            parts.push(if random.chance(35) {
                format!("{country} {}", digits("ddddd", random))
            } else {
                country
            });
        }
        parts.join(separator)
    }

    fn facility(&self, random: &mut Random) -> String {
        match random.below(12) {
            0..=3 => self.word("facility", random),
            4..=6 => format!("{} {}", self.us_city(random).0, random.pick(FACILITY_HEADS)),
            7 => format!(
                "{} {} {}",
                random.pick(&["St.", "St.", "Saint", "St"]),
                random.pick(SAINTS),
                random.pick(&["Hospital", "Medical Center", "Clinic", "Health"])
            )
            .replace(" Hospital", if random.chance(50) { "'s Hospital" } else { " Hospital" }),
            8 => format!("{} {}", self.plain_last(random), random.pick(FACILITY_HEADS)),
            9 => format!(
                "{} {}",
                random.pick(&[
                    "Riverside",
                    "Lakeview",
                    "Sunrise",
                    "Valley",
                    "Northside",
                    "Mercy",
                    "Good Shepherd",
                    "Holy Cross",
                    "Summit",
                    "Bayview",
                    "Evergreen",
                    "Pacific",
                    "Coastal",
                    "Downtown",
                    "Eastside",
                    "Midtown",
                    "Harbor",
                    "City",
                    "University",
                    "Central",
                    "Metro",
                    "Trinity",
                    "Providence",
                    "Cedar",
                    "Westside",
                    "General",
                    "County"
                ]),
                random.pick(FACILITY_HEADS)
            ),
            10 => format!(
                "University of {} {}",
                self.place("us-state", random),
                random.pick(&["Hospital", "Medical Center", "Health"])
            ),
            _ => format!(
                "{} of {}",
                random.pick(&[
                    "Children's Hospital",
                    "Heart Center",
                    "University Hospital",
                    "Medical Center",
                    "General Hospital"
                ]),
                self.us_city(random).0
            ),
        }
    }

    fn organization(&self, random: &mut Random) -> String {
        match random.below(12) {
            0 => self.word("organization", random),
            1 | 2 => format!("{}{}", random.pick(ORG_STEMS), random.pick(ORG_TAILS)),
            3 => format!("{}{}", random.pick(ORG_STEMS), title_case(random.pick(ORG_TAILS))),
            4 => format!("{} {}", random.pick(ORG_STEMS), random.pick(ORG_WORDS)),
            5 => format!(
                "{}{} {}",
                random.pick(ORG_STEMS),
                random.pick(ORG_TAILS),
                random.pick(ORG_WORDS)
            ),
            6 => format!(
                "{} {} {}",
                random.pick(ORG_STEMS),
                random.pick(ORG_WORDS),
                random.pick(ORG_FORMS)
            ),
            7 => format!("{}-{}", self.plain_last(random), self.plain_last(random)),
            8 => format!(
                "{}, {} and {}",
                self.plain_last(random),
                self.plain_last(random),
                self.plain_last(random)
            ),
            9 => format!("{} {}", self.plain_last(random), random.pick(ORG_FORMS)),
            10 => format!(
                "{} {} {}",
                self.us_city(random).0,
                random.pick(ORG_WORDS),
                random.pick(ORG_FORMS)
            ),
            _ => format!("{} {}", self.plain_last(random), random.pick(ORG_WORDS)),
        }
    }

    fn date(&self, random: &mut Random, from: usize, to: usize) -> String {
        let (year, month_number, day) = (random.between(from, to), random.between(1, 12), random.between(1, 28));
        let name = spoken::MONTHS.get(month_number - 1).copied().unwrap_or("");
        if self.said {
            let day = if random.chance(70) {
                spoken::ordinal(day)
            } else {
                spoken::small(day)
            };
            let year = spoken::year(year, random);
            return match random.below(6) {
                0 => format!("the {day} of {name} {year}"),
                1 => format!(
                    "{} {} {year}",
                    spoken::small(month_number),
                    spoken::small(random.between(1, 28))
                ),
                _ => format!("{name} {day} {year}"),
            };
        }
        let short = if name.len() > 4 && random.chance(30) {
            name.get(..3).unwrap_or(name)
        } else {
            name
        };
        match if random.chance(70) {
            self.date_style
        } else {
            random.below(14)
        } {
            0 | 1 => format!("{month_number:02}/{day:02}/{year}"),
            2 => format!("{month_number}/{day}/{:02}", year % 100),
            3 => format!("{year}-{month_number:02}-{day:02}"),
            4 => format!("{day:02}/{month_number:02}/{year}"),
            5 => format!("{month_number:02}-{day:02}-{year}"),
            6 => format!("{day} {name} {year}"),
            7 => format!("{short} {day}{}, {year}", suffix(day)),
            8 => format!("{short} {day}{} {year}", suffix(day)),
            9 => format!("{day}.{month_number}.{year}"),
            10 => format!("{short} {day}{}", if random.chance(50) { suffix(day) } else { "" }),
            _ => format!("{short} {day}, {year}"),
        }
    }

    fn spanish_date(&self, random: &mut Random) -> String {
        let (year, month_number, day) = (random.between(1930, 2022), random.between(1, 12), random.between(1, 28));
        let name = ES_MONTHS.get(month_number - 1).copied().unwrap_or("");
        match random.below(8) {
            0..=3 => format!("{day:02}/{month_number:02}/{year}"),
            4 => format!("{day}-{month_number}-{year}"),
            5 => format!("{day} de {name} de {year}"),
            6 => format!("{name} de {year}"),
            _ => format!("{day}/{month_number}/{:02}", year % 100),
        }
    }

    fn spanish_city(&self, random: &mut Random) -> String {
        self.city_of(
            &["big", "mid", "small"],
            |country| country == "ES" || country == "MX",
            random,
        )
    }

    fn spanish_street(&self, random: &mut Random) -> String {
        let street = if random.chance(70) {
            random.pick(ES_STREETS).to_owned()
        } else {
            self.plain_last(random)
        };
        let number = random.between(1, 220);
        let tail = match random.below(7) {
            0 => format!(
                ", {}º {}",
                random.between(1, 9),
                random.pick(&["A", "B", "C", "D", "Izq", "Dcha"])
            ),
            1 => format!(", {} {}", random.between(1, 9), random.pick(&["A", "B", "C", "D"])),
            2 => format!(", piso {}", random.between(1, 9)),
            3 => format!("-{}", random.between(1, 9)),
            _ => String::new(),
        };
        let number = match random.below(6) {
            0 => " s/n".to_owned(),
            1 => format!(" {number}"),
            2 => format!(", nº {number}"),
            _ => format!(", {number}"),
        };
        format!("{} {street}{number}{tail}", random.pick(ES_KINDS))
    }

    fn spanish_hospital(&self, random: &mut Random) -> String {
        let head = random.pick(&[
            "Hospital",
            "Hospital Universitario",
            "Hospital General",
            "Hospital Clínico",
            "Hospital Comarcal",
            "Hospital Regional",
            "Clínica",
            "Complejo Hospitalario",
            "Hospital General Universitario",
            "Centro de Salud",
            "Fundación Hospital",
            "Hospital Clínico Universitario",
        ]);
        let tail = match random.below(5) {
            0 => format!("de {}", self.spanish_city(random)),
            1 => format!(
                "Virgen de {}",
                random.pick(&[
                    "la Arrixaca",
                    "las Nieves",
                    "la Macarena",
                    "la Salud",
                    "la Luz",
                    "los Lirios",
                    "la Victoria",
                    "la Concha"
                ])
            ),
            2 => format!(
                "{} {}",
                random.pick(&["San", "Santa"]),
                random.pick(&[
                    "Juan", "Pedro", "Lucía", "Bárbara", "Cecilio", "Carlos", "Pau", "Agustín", "Ana", "Jorge"
                ])
            ),
            3 => format!("{} {}", self.first(random), self.plain_last(random)),
            _ => format!("Dr. {}", self.plain_last(random)),
        };
        format!("{head} {tail}")
    }

    fn phone(&self, random: &mut Random) -> String {
        if self.said {
            return spoken::characters(&digits("9dddddddddd", random).get(1..).unwrap_or("").to_owned(), random);
        }
        let form = random.pick(&[
            "ddd-ddd-dddd",
            "(ddd) ddd-dddd",
            "ddd.ddd.dddd",
            "dddddddddd",
            "+1 ddd ddd dddd",
            "1-ddd-ddd-dddd",
            "ddd ddd dddd",
            "+44 dd dddd dddd",
            "0ddd ddd dddd",
            "+49 ddd ddddddd",
            "+91 ddddd ddddd",
            "(0d) dddd dddd",
            "dd dd dd dd dd",
            "0dddd dddddd",
            "+33 d dd dd dd dd",
            "+34 ddd ddd ddd",
            "0dd dd dd dd",
            "ddd-dddd",
            "ddd-ddd-dddd xddd",
            "00dd ddd dddddd",
            "(dd) dddd-dddd",
            "0dd-dddddd",
            "+dd-dd-ddd-dd-dd",
            "dddd-dddddd",
        ]);
        digits(form, random)
    }

    fn number(&self, random: &mut Random, forms: &[&str]) -> String {
        let text = digits(random.pick(forms), random);
        if self.said {
            spoken::characters(&text, random)
        } else {
            text
        }
    }

    fn email(&self, random: &mut Random) -> String {
        let (first, last) = (ascii(&self.first(random)), ascii(&self.plain_last(random)));
        let number = random.between(1, 99);
        let (domain, top) = (random.pick(MAILERS), random.pick(TOPLEVEL));
        let domain = if random.chance(60) {
            domain.to_owned()
        } else {
            format!("{}{}", random.pick(ORG_STEMS), random.pick(ORG_TAILS)).to_lowercase()
        };
        if self.said {
            let number = if random.chance(35) {
                format!(" {}", spoken::small(number))
            } else {
                String::new()
            };
            let joint = random.pick(&[" dot ", " ", " underscore ", " dot "]);
            return format!(
                "{first}{joint}{last}{number} at {domain} dot {}",
                top.replace('.', " dot ")
            );
        }
        let number = if random.chance(35) {
            number.to_string()
        } else {
            String::new()
        };
        let joint = random.pick(&[".", "", "_", "."]);
        format!("{first}{joint}{last}{number}@{domain}.{top}")
    }

    fn url(&self, random: &mut Random) -> String {
        let name = format!("{}{}", random.pick(ORG_STEMS), title_case(random.pick(ORG_TAILS)));
        format!(
            "{}{name}.{}{}",
            random.pick(&["http://", "https://www.", "www.", "https://", ""]),
            random.pick(TOPLEVEL),
            random.pick(&["/", "", "/contact", "/a/b?id=1"])
        )
    }
}

/// The label of a kind of value; empty if it is none.
fn label(kind: &str) -> &'static str {
    match kind {
        "name" | "pname" | "drname" | "first" | "last" | "samefirst" | "samelast" | "revname" | "capsname"
        | "spellname" | "commonname" | "placename" | "essurnames" | "esname" | "esdr" => "PERSON",
        "city" | "asplace" | "country" | "state" | "region" | "citystate" | "gpe" | "street" | "address"
        | "usaddress" | "zip" | "facility" | "eszip" | "escity" | "esaddress" | "eshospital" => "LOCATION",
        "org" | "orgbig" | "orgname" => "ORGANIZATION",
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
    random.pick(&spoken::MONTHS)
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
