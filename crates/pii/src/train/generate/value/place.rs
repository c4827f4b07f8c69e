//! Places: cities, streets, addresses of many countries, hospitals and organisations.

use super::{Values, digits, one, title_case};
use crate::train::generate::spoken;
use crate::train::generate::words::{
    ENDINGS, ES_KINDS, ES_STREETS, FACILITY_HEADS, FIRST_KINDS, KINDS, ORG_FORMS, ORG_STEMS, ORG_TAILS, ORG_WORDS,
    SAID_KINDS, SAINTS, STEMS, STREETS,
};
use crate::train::random::Random;

impl Values<'_> {
    pub(super) fn us_city(&self, random: &mut Random) -> (String, String, String) {
        let city = self.city_of(&["big", "big", "mid", "small"], |country| country == "US", random);
        let states = self.lists.places.get("us-state");
        let (state, code) = states
            .and_then(|states| states.get(random.below(states.len())))
            .cloned()
            .unwrap_or_default();
        (city, state, code)
    }

    pub(super) fn city_of(&self, sizes: &[&str], fits: impl Fn(&str) -> bool, random: &mut Random) -> String {
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

    pub(super) fn city(&self, random: &mut Random) -> String {
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

    pub(super) fn zip(&self, random: &mut Random) -> String {
        if self.said {
            return spoken::characters(&digits("ddddd", random), random);
        }
        let form = one(
            random,
            "ddddd;ddddd;ddddd;ddddd-dddd;dddd;ddd dd;AAd dAA;AA dAA;AdA dAd;dddd AA;ddddd-ddd;dd-ddd;AAdd dAA;ddd",
        );
        digits(form, random)
    }

    pub(super) fn street(&self, random: &mut Random) -> String {
        if self.voice {
            let street = if random.chance(60) {
                one(random, STREETS).to_owned()
            } else {
                self.plain_last(random)
            };
            let number = random.between(1, 9999);
            let number = if self.said {
                spoken::house(number, random)
            } else {
                number.to_string()
            };
            return format!("{number} {street} {}", one(random, SAID_KINDS));
        }
        let limit = if random.chance(20) { 9999 } else { 300 };
        let number = random.between(1, limit);
        match random.below(20) {
            0..=8 => {
                let street = match random.below(10) {
                    0..=5 => one(random, STREETS).to_owned(),
                    6 => format!("{} {}", one(random, "N;S;E;W;North;West;N.;SW"), one(random, STREETS)),
                    _ => self.plain_last(random),
                };
                format!("{number} {street} {}", one(random, KINDS))
            }
            9..=13 => {
                let stem = if random.chance(75) {
                    one(random, STEMS).to_owned()
                } else {
                    self.plain_last(random)
                };
                let street = format!("{stem}{}", one(random, ENDINGS));
                if random.chance(85) {
                    format!("{street} {number}")
                } else {
                    format!("{number} {street}")
                }
            }
            14 => format!(
                "{} {} {number}",
                one(random, "Wiener;Alter;Neue;Am alten;Kleine;Grosse"),
                one(random, "Strasse;Weg;Markt;Allee;Platz;Gasse")
            ),
            15..=17 => {
                let kind = one(random, FIRST_KINDS);
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
                one(random, "P.O. Box;PO Box;P. O. Box;Post Office Box"),
                random.between(1, 9999)
            ),
        }
    }

    fn unit(random: &mut Random) -> String {
        format!(
            "{} {}",
            one(random, "Apt.;Apt;Suite;Unit;Ste;Room;Floor;Flat;#"),
            random.between(1, 999)
        )
    }

    pub(super) fn us_address(&self, random: &mut Random) -> String {
        let (city, state, code) = self.us_city(random);
        let street = format!(
            "{} {} {}",
            random.between(1, 9999),
            one(random, STREETS),
            one(random, KINDS)
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

    pub(super) fn address(&self, random: &mut Random) -> String {
        if self.voice {
            return self.street(random);
        }
        match random.below(12) {
            0..=2 => return self.us_address(random),
            3 => {
                let box_form = one(random, "PSC ddd, Box dddd;Unit dddd Box dddd;USS ;CMR ddd, Box ddd");
                let head = if box_form == "USS " {
                    format!("USS {}", self.plain_last(random))
                } else {
                    digits(box_form, random)
                };
                return format!(
                    "{head}{}{} {} {}",
                    one(random, "\n;, ; "),
                    one(random, "APO;FPO;DPO"),
                    one(random, "AA;AE;AP"),
                    digits("ddddd", random)
                );
            }
            _ => {}
        }
        let separator = one(random, ", ;\n;\n ; ;, ;\n;,\n");
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

    pub(super) fn facility(&self, random: &mut Random) -> String {
        match random.below(12) {
            0..=3 => self.word("facility", random),
            4..=6 => format!("{} {}", self.us_city(random).0, one(random, FACILITY_HEADS)),
            7 => format!(
                "{} {} {}",
                one(random, "St.;St.;Saint;St"),
                one(random, SAINTS),
                one(random, "Hospital;Medical Center;Clinic;Health")
            )
            .replace(" Hospital", if random.chance(50) { "'s Hospital" } else { " Hospital" }),
            8 => format!("{} {}", self.plain_last(random), one(random, FACILITY_HEADS)),
            9 => format!(
                "{} {}",
                one(
                    random,
                    "Riverside;Lakeview;Sunrise;Valley;Northside;Mercy;Good Shepherd;Holy Cross;Summit;Bayview;Evergreen;\
                Pacific;Coastal;Downtown;Eastside;Midtown;Harbor;City;University;Central;Metro;Trinity;Providence;Cedar;\
                Westside;General;County"
                ),
                one(random, FACILITY_HEADS)
            ),
            10 => format!(
                "University of {} {}",
                self.place("us-state", random),
                one(random, "Hospital;Medical Center;Health")
            ),
            _ => format!(
                "{} of {}",
                one(
                    random,
                    "Children's Hospital;Heart Center;University Hospital;Medical Center;General Hospital"
                ),
                self.us_city(random).0
            ),
        }
    }

    pub(super) fn organization(&self, random: &mut Random) -> String {
        match random.below(12) {
            0 => self.word("organization", random),
            1 | 2 => format!("{}{}", one(random, ORG_STEMS), one(random, ORG_TAILS)),
            3 => format!("{}{}", one(random, ORG_STEMS), title_case(one(random, ORG_TAILS))),
            4 => format!("{} {}", one(random, ORG_STEMS), one(random, ORG_WORDS)),
            5 => format!(
                "{}{} {}",
                one(random, ORG_STEMS),
                one(random, ORG_TAILS),
                one(random, ORG_WORDS)
            ),
            6 => format!(
                "{} {} {}",
                one(random, ORG_STEMS),
                one(random, ORG_WORDS),
                one(random, ORG_FORMS)
            ),
            7 => format!("{}-{}", self.plain_last(random), self.plain_last(random)),
            8 => format!(
                "{}, {} and {}",
                self.plain_last(random),
                self.plain_last(random),
                self.plain_last(random)
            ),
            9 => format!("{} {}", self.plain_last(random), one(random, ORG_FORMS)),
            10 => format!(
                "{} {} {}",
                self.us_city(random).0,
                one(random, ORG_WORDS),
                one(random, ORG_FORMS)
            ),
            _ => format!("{} {}", self.plain_last(random), one(random, ORG_WORDS)),
        }
    }

    pub(super) fn spanish_city(&self, random: &mut Random) -> String {
        self.city_of(
            &["big", "mid", "small"],
            |country| country == "ES" || country == "MX",
            random,
        )
    }

    pub(super) fn spanish_street(&self, random: &mut Random) -> String {
        let street = if random.chance(70) {
            one(random, ES_STREETS).to_owned()
        } else {
            self.plain_last(random)
        };
        let number = random.between(1, 220);
        let tail = match random.below(7) {
            0 => format!(", {}º {}", random.between(1, 9), one(random, "A;B;C;D;Izq;Dcha")),
            1 => format!(", {} {}", random.between(1, 9), one(random, "A;B;C;D")),
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
        format!("{} {street}{number}{tail}", one(random, ES_KINDS))
    }

    pub(super) fn spanish_hospital(&self, random: &mut Random) -> String {
        let head = one(
            random,
            "Hospital;Hospital Universitario;Hospital General;Hospital Clínico;Hospital Comarcal;Hospital Regional;\
                Clínica;Complejo Hospitalario;Hospital General Universitario;Centro de Salud;Fundación Hospital;\
                Hospital Clínico Universitario",
        );
        let tail = match random.below(5) {
            0 => format!("de {}", self.spanish_city(random)),
            1 => format!(
                "Virgen de {}",
                one(
                    random,
                    "la Arrixaca;las Nieves;la Macarena;la Salud;la Luz;los Lirios;la Victoria;la Concha"
                )
            ),
            2 => format!(
                "{} {}",
                one(random, "San;Santa"),
                one(random, "Juan;Pedro;Lucía;Bárbara;Cecilio;Carlos;Pau;Agustín;Ana;Jorge")
            ),
            3 => format!("{} {}", self.first(random), self.plain_last(random)),
            _ => format!("Dr. {}", self.plain_last(random)),
        };
        format!("{head} {tail}")
    }
}
