//! Words that tell what stands next to them, in classes.

use super::hash;
use super::token::folded;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

macro_rules! cues {
    ($($variant:ident: $words:literal;)+) => {
        /// What a word hints at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Cue {
            None,
            $($variant,)+
        }
        const ALL: &[Cue] = &[Cue::None, $(Cue::$variant,)+];
        const WORDS: &[(Cue, &str)] = &[$((Cue::$variant, $words),)+];
    };
}

cues! {
    Honorific: "mr mrs ms miss mx dr doctor prof professor sir madam rev reverend fr sister father hon judge capt captain col colonel maj major sgt lt gen cpl nurse drs mister missus don dona sr sra srta doctora dra";
    Credential: "md do rn np pa phd jr iii facc esq dds dpm pharmd lcsw mba lpn crna faap";
    Month: "january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre";
    Weekday: "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun lunes martes miercoles jueves viernes sabado domingo";
    Relative: "today yesterday tomorrow tonight morning afternoon evening week month year weekend ago noon midnight last next hoy ayer manana semana mes ano anos dia dias";
    Street: "street st avenue ave road rd boulevard blvd lane ln drive dr court ct circle cir place pl terrace ter way highway hwy parkway pkwy square sq loop trail trl crescent close row alley plaza rue via viale strasse str platz weg allee straat laan gatan vagen gade vej ulica ul calle avenida avda paseo carretera ctra camino ronda travesia urbanizacion pasaje glorieta rambla carrer rua estrada corso piazza katu tie utca";
    Unit: "apt apartment suite ste unit floor fl room rm box bldg building lot piso planta puerta portal escalera bajo esc izq dcha";
    Post: "po p.o apo fpo dpo psc";
    Facility: "hospital clinic center centre infirmary hospice hospitals clinics memorial sanatorium medical med ctr hosp healthcare health rehab pharmacy clinica hospitalario ambulatorio consultorio sanatorio instituto residencia";
    OrgSuffix: "inc llc ltd corp corporation co company plc gmbh ag sa nv bv ab oy as spa srl kg group holdings partners associates industries technologies systems solutions enterprises sons labs laboratories limited incorporated international consulting";
    OrgWord: "bank university college school institute foundation agency department ministry church association society insurance airlines university universidad facultad fundacion colegio ministerio consejeria servicio hotel museum library council committee authority union club team fund trust firm startup";
    Relation: "mother father wife husband son daughter brother sister friend boss uncle aunt spouse partner cousin mom dad grandmother grandfather neighbor caregiver guardian nephew niece parent hijo hija madre padre hermano hermana esposa marido";
    Patient: "patient pt pts client member subject claimant insured applicant resident beneficiary caller customer defendant plaintiff tenant employee paciente usuario enfermo";
    Clinician: "physician provider surgeon oncologist cardiologist therapist psychiatrist neurologist pediatrician dentist pcp attending consultant referring radiologist medico facultativo cirujano";
    Name: "name named called surname firstname lastname signed sincerely regards nombre apellidos apellido firmado llamado llamada dear hi hello hey hola att attn contact ask tell meet";
    Mrn: "mrn chart record medrec mr# nhc historia cipa identifier patientid expediente";
    Plan: "member subscriber policy insurance plan beneficiary hpbn hp hicn medicare medicaid payer coverage insured nass afiliacion aseguramiento seguridad";
    Ssn: "ssn social security";
    Npi: "npi";
    Phone: "phone tel telephone call fax cell mobile dial ph telefono tfno tlf movil text contact number";
    Mail: "email mail e-mail correo mailto inbox electronico";
    Born: "dob born birth birthday birthdate d.o.b nacimiento nacido nacida";
    Seen: "seen admitted discharged visited treated evaluated diagnosed hospitalized presented visit admission discharge dated effective date since during before after until by scheduled appointment ingreso fecha alta ingresado";
    Age: "age aged old yo y/o yr yrs yof yom edad anos";
    At: "at from in near to of";
    On: "on";
    Live: "lives live living resides residing residence address located moved relocated hometown origin domicilio direccion localidad reside procedente natural residente vive street city provincia municipio";
    Zip: "zip zipcode postal postcode cp";
    City: "city town village hamlet county state country province region district capital pais ciudad borough suburb";
    Number: "zero oh one two three four five six seven eight nine double triple cero uno dos tres cuatro cinco seis siete ocho nueve doble";
    Teen: "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen";
    Tens: "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand";
    Ordinal: "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth";
    Nato: "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray x-ray yankee zulu";
    Filler: "um uh okay ok so well yeah yes yep sure please hmm right like actually alright er ah sorry";
    Spell: "spelled spell spelling";
    Dot: "dot at underscore dash hyphen";
    Mailer: "gmail yahoo hotmail outlook icloud aol com org net edu";
    Say: "said says asked told wrote replied explained added noted reported signed reviewed manages announced confirmed mentioned claimed thinks wants loves lives";
    Card: "card visa mastercard amex discover cc credit debit expires cvv";
    Account: "account acct invoice order case claim reference ref ticket confirmation id ids code license licence passport serial group device vin plate number numero no num col ncol colegiado episodio";
    Job: "engineer manager director nurse teacher lawyer attorney accountant analyst developer designer consultant officer clerk technician assistant secretary president chairman ceo cfo cto journalist editor writer actor singer musician producer chef waiter driver pilot farmer plumber carpenter electrician mechanic cashier architect scientist professor coach trainer realtor broker agent supervisor specialist coordinator administrator representative operator packager inspector librarian translator cleaner guard sheriff deputy senator governor mayor";
    Disease: "disease syndrome score reflex sign test criteria scale cancer disorder index classification maneuver procedure palsy thyroiditis lymphoma sarcoma tumor anemia enfermedad sindrome escala signo";
    Culture: "song album band film movie novel book lyrics guitar singer concert theatre episode season actor show poem";
    Verb: "is was are were be been has have had will would can could should do does did my our your his her their es era fue";
    Article: "the a an this that these those el la los las un una";
    And: "and or with y e con";
}

impl Cue {
    /// Every class, in the order of their numbers.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ALL.iter().copied()
    }
}

/// Looks cues up by the hash of the folded spelling.
#[derive(Debug)]
pub(crate) struct Cues {
    /// A bit for the upper bits of each hash: most words are no cue, and one look says so.
    filter: Vec<u64>,
    map: HashMap<u64, Cue, BuildHasherDefault<Same>>,
}

/// Upper bits of a hash that the filter knows.
const FILTER_BITS: u32 = 15;

impl Cues {
    /// The table of all cue words; of two classes of one word, the earlier.
    pub(crate) fn new() -> Self {
        let mut cues = Self {
            filter: vec![0; 1 << (FILTER_BITS - 6)],
            map: HashMap::default(),
        };
        for (cue, words) in WORDS {
            for word in words.split(' ') {
                let hash = hash::bytes(&folded(word));
                let bit = hash >> (64 - FILTER_BITS);
                if let Some(block) = cues.filter.get_mut((bit >> 6) as usize) {
                    *block |= 1 << (bit & 63);
                }
                cues.map.entry(hash).or_insert(*cue);
            }
        }
        cues
    }

    /// The class of a word.
    #[inline]
    pub(crate) fn of(&self, word: u64) -> Cue {
        let bit = word >> (64 - FILTER_BITS);
        let block = self.filter.get((bit >> 6) as usize).copied().unwrap_or(0);
        if block >> (bit & 63) & 1 == 0 {
            return Cue::None;
        }
        self.map.get(&word).copied().unwrap_or(Cue::None)
    }
}

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash::mix(self.0, hash::bytes(bytes));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
