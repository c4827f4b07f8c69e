//! The lists themselves, in English, Spanish and, where a form is found everywhere, other European languages.

use super::{Cue, kind};

/// Words of each kind. A word's value is its place in the list, from zero, or what follows `=`.
pub(super) const LISTS: &[(u32, &str)] = &[
    (
        kind::MONTH,
        "- january february march april may june july august september october november december",
    ),
    (kind::MONTH, "- jan feb mar apr may jun jul aug sep oct nov dec"),
    (
        kind::MONTH,
        "sept=9 febr=2 januar=1 februar=2 märz=3 mai=5 juni=6 juli=7 oktober=10 dezember=12",
    ),
    (
        kind::MONTH,
        "- enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre setiembre=9",
    ),
    (
        kind::MONTH,
        "ene=1 abr=4 ago=8 dic=12 janvier=1 février=2 mars=3 avril=4 juin=6 juillet=7 août=8 septembre=9 octobre=10 novembre=11 décembre=12",
    ),
    (
        kind::MONTH,
        "gennaio=1 febbraio=2 aprile=4 maggio=5 giugno=6 luglio=7 settembre=9 ottobre=10 dicembre=12 janeiro=1 fevereiro=2 março=3 maio=5 junho=6 julho=7 setembro=9 outubro=10 novembro=11 dezembro=12",
    ),
    (
        kind::WEEKDAY,
        "monday tuesday wednesday thursday friday saturday sunday lunes martes miércoles miercoles jueves viernes sábado sabado domingo mondays tuesdays wednesdays thursdays fridays saturdays sundays",
    ),
    (kind::DIGIT, "zero one two three four five six seven eight nine"),
    (
        kind::DIGIT,
        "oh=0 o=0 nought=0 naught=0 niner=9 cero=0 uno=1 un=1 una=1 dos=2 tres=3 cuatro=4 cinco=5 seis=6 siete=7 ocho=8 nueve=9",
    ),
    (
        kind::TEEN,
        "ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19",
    ),
    (
        kind::TEEN,
        "diez=10 once=11 doce=12 trece=13 catorce=14 quince=15 dieciséis=16 dieciseis=16 diecisiete=17 dieciocho=18 diecinueve=19 veintiuno=21 veintiún=21 veintidós=22 veintidos=22 veintitrés=23 veintitres=23 veinticuatro=24 veinticinco=25 veintiséis=26 veintiseis=26 veintisiete=27 veintiocho=28 veintinueve=29",
    ),
    (
        kind::TENS,
        "twenty=20 thirty=30 forty=40 fourty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90",
    ),
    (
        kind::TENS,
        "veinte=20 treinta=30 cuarenta=40 cincuenta=50 sesenta=60 setenta=70 ochenta=80 noventa=90",
    ),
    (kind::HUNDRED, "hundred=100 cien=100 ciento=100"),
    (kind::THOUSAND, "thousand=0 mil=0"),
    (
        kind::ORDINAL,
        "- first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth=30 primero=1 twelveth=12",
    ),
    (kind::REPEAT, "double=2 triple=3 treble=3 doble=2 quadruple=4"),
    (
        kind::FILLER,
        "um uh er erm ah hmm mm eh like so then and y este pues sorry okay ok yeah",
    ),
    (
        kind::STROKE,
        "dash=45 hyphen=45 minus=45 underscore=95 guion=45 guión=45 slash=47 point=46",
    ),
    (
        kind::STREET,
        "street st avenue ave av road rd boulevard blvd lane ln drive dr court ct place pl square sq terrace terr ter way parkway pkwy highway hwy circle cir crescent cres close trail trl loop alley row walk hill path plaza plz pike turnpike route mews grove gardens heights crossing xing expressway broadway esplanade parade quay glen ridge bend cove point run commons",
    ),
    (
        kind::STREET_FIRST,
        "calle avenida avda carrera plaza paseo camino carretera ctra ronda travesía travesia glorieta callejón rue via viale piazza rua strada",
    ),
    (
        kind::UNIT,
        "apt apartment suite ste unit floor fl room rm bldg building flat lot trailer space dept piso puerta escalera portal",
    ),
    (
        kind::STATE,
        "al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa pr ri sc sd tn tx ut vt va vi wa wv wi wy aa ae ap",
    ),
    (
        kind::TITLE,
        "mr mrs ms miss mx dr prof sir madam dame lord rev hon capt lt sgt col gen doctor professor sr sra srta don doña dra señor señora señorita herr frau mme mlle monsieur madame signor signora",
    ),
    (kind::DOT, "dot=46 punto=46"),
    (kind::AT, "at arroba"),
    (
        kind::TLD,
        "com net org edu gov mil int info biz io co ai app dev health care clinic hospital me us uk ca au nz ie de fr es it pt nl be ch at se no dk fi pl cz hu ro gr tr ru ua in jp cn kr sg hk tw br mx ar cl pe za ng ke il ae sa eu tv xyz online site tech cloud",
    ),
    (
        kind::YEARS,
        "year years yr yrs yo yrold años año anos jahre ans anni anos",
    ),
    (
        kind::SMALL_AGE,
        "month months week weeks day days mo mos meses mes semanas días dias",
    ),
    (
        kind::SPELLING,
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu",
    ),
    (
        kind::STOP,
        "is it its at to my the a an address email mail e under for account on in of and or his her their your our i im me you we they he she with send sent from that this was be by about via es el la su mi correo electrónico en de con para please here use name number yes no not can will if there are have has had do does patient member date phone s m re ll could would text link",
    ),
    (
        kind::SECRET,
        "ghp gho ghu ghs ghr github sk pk rk xoxb xoxp xoxa xoxr xoxs glpat npm hf dop pypi shpat whsec sq0atp sq0csp",
    ),
    (
        kind::DIRECTION,
        "n s e w nw ne sw se north south east west northeast northwest southeast southwest",
    ),
];

/// Cues, several forms each, `|` between; `~` before one that only may say so.
pub(super) const CUES: &[(Cue, &str)] = &[
    (
        Cue::Phone,
        "phone|phones|telephone|tel|telf|tfno|tfn|tlf|tlfno|tlfn|telefono|teléfono|teléfonos|móvil|movil|celular|mobile|cell|cellphone|fax|faxes|telefax|whatsapp|sms|pager|hotline|helpline|landline|téléphone|telefon|telefoon|telefonnummer|handynummer|handy|puhelin|callback|phone number|contact number|cell number|home number|work number|emergency contact|call back|~call|~calls|~calling|~text|~contact|~contacts|~reach|~reached|~dial|~ring|~ph|~line|~messages|~contacto|~llamar|~llame|~extension|~office|~toll free|~mob|~it s|~number is|~reach me",
    ),
    (Cue::Email, "email|e mail|mail|correo|correo electrónico"),
    (
        Cue::Ssn,
        "ssn|ssns|social security|social security number|social security no|ss number|ss no|social|ss#|social is|my social|número de seguro social|seguro social",
    ),
    (
        Cue::Itin,
        "itin|individual taxpayer|individual taxpayer identification number|taxpayer identification number|~tin|~taxpayer id|~tax id",
    ),
    (
        Cue::Ein,
        "ein|fein|employer identification|employer identification number|employer id|federal tax id|~tin|~tax id|~taxpayer id|~tax identification number",
    ),
    (
        Cue::Npi,
        "npi|npis|national provider|national provider identifier|national provider id|provider identifier|npi number|~prescriber",
    ),
    (Cue::Dea, "dea|dea number|dea no|dea registration"),
    (
        Cue::Mbi,
        "mbi|medicare beneficiary|medicare beneficiary identifier|medicare number|medicare id|~medicare",
    ),
    (
        Cue::Aba,
        "aba|routing|rtn|routing number|routing transit number|transit number|bank routing",
    ),
    (Cue::Nhs, "nhs|nhs number|nhs no|national health service"),
    (
        Cue::Nino,
        "nino|national insurance|national insurance number|ni number|ni no|insurance no",
    ),
    (
        Cue::Utr,
        "utr|unique taxpayer reference|taxpayer reference|self assessment",
    ),
    (
        Cue::Vin,
        "vin|vehicle identification|vehicle identification number|vehicle id|chassis|chassis number|vins|~vehicle",
    ),
    (Cue::Aadhaar, "aadhaar|aadhar|adhaar|uidai|aadhaar number"),
    (Cue::Pan, "pan|pan number|pan card|permanent account number"),
    (
        Cue::Sin,
        "sin|social insurance|social insurance number|numéro d assurance sociale|nas",
    ),
    (Cue::Tfn, "tfn|tax file number|tax file"),
    (Cue::Abn, "abn|australian business number|business number"),
    (Cue::Acn, "acn|australian company number|company number"),
    (Cue::AuMedicare, "~medicare|medicare card|medicare number"),
    (Cue::Nric, "nric|fin|singpass|nric number"),
    (
        Cue::SteuerId,
        "steuer|steuerid|idnr|steuer id|steueridentifikationsnummer|steuernummer|identifikationsnummer|steuerliche identifikationsnummer|tin",
    ),
    (
        Cue::Vat,
        "vat|vatin|vat number|vat id|vat no|ust|ustid|ustidnr|ust id|ust idnr|umsatzsteuer|tva|numéro tva|numero tva|iva|partita|partita iva|p iva|piva|btw|mwst|moms|nip|nif iva|uid|oib|numer nip",
    ),
    (
        Cue::Nir,
        "nir|insee|sécurité sociale|securite sociale|numero de securite sociale|numéro de sécurité sociale|numéro de sécu|sécu|carte vitale",
    ),
    (Cue::FiscalCode, "codice fiscale|fiscale|cod fiscale"),
    (
        Cue::Dni,
        "dni|nif|d n i|documento nacional de identidad|documento nacional|documento de identidad|cif|documento",
    ),
    (
        Cue::Nie,
        "nie|n i e|identidad de extranjero|número de identidad de extranjero",
    ),
    (
        Cue::Nss,
        "nss|nass|naf|seguridad social|número de la seguridad social|afiliación|tarjeta sanitaria",
    ),
    (Cue::Bsn, "bsn|burgerservicenummer|sofinummer|citizen service number"),
    (Cue::Pesel, "pesel"),
    (
        Cue::Personnummer,
        "personnummer|samordningsnummer|personal identity number|pnr",
    ),
    (Cue::Hetu, "hetu|henkilötunnus|henkilotunnus|sotu"),
    (Cue::Cpr, "cpr|cpr nummer|cpr number|personnummer"),
    (Cue::Fnr, "fødselsnummer|fodselsnummer|fnr|personnummer"),
    (
        Cue::BeNn,
        "rijksregisternummer|rijksregister|numéro national|registre national|national register|numéro de registre national",
    ),
    (Cue::PtNif, "nif|contribuinte|número de contribuinte"),
    (Cue::Pps, "pps|ppsn|pps number|personal public service"),
    (Cue::Cpf, "cpf"),
    (Cue::Cnpj, "cnpj"),
    (Cue::Curp, "curp"),
    (
        Cue::ZaId,
        "south african id|south african id number|rsa id|sa id|id number|identity number",
    ),
    (Cue::Rrn, "rrn|resident registration|resident registration number"),
    (Cue::CnId, "resident identity|chinese id|resident id"),
    (Cue::Imei, "imei|imei number|imeis"),
    (
        Cue::Card,
        "card|cards|cc|creditcard|visa|mastercard|amex|american express|discover|maestro|credit card|debit card|card number|card no|card ending|tarjeta|tarjeta de crédito|kreditkarte|carte bancaire|pan",
    ),
    (
        Cue::CardCode,
        "cvv|cvc|cvv2|cvc2|security code|card security code|card verification",
    ),
    (Cue::Iban, "iban|bank account|ibans|kontonummer|~transfer"),
    (Cue::Bic, "bic|swift|swift code|bic code|swift bic"),
    (
        Cue::Account,
        "account|acct|accounts|account number|account no|acct no|acct number|a c|bank account|checking|savings|loan number|invoice|invoice number|sort code|bsb|~cuenta|número de cuenta|customer number|customer no|customer id|client id|order number|order no|konto|~customer",
    ),
    (
        Cue::Passport,
        "passport|passports|passport number|passport no|pasaporte|passeport|reisepass|passaporto",
    ),
    (
        Cue::Driver,
        "driver s license|drivers license|driver license|driving licence|driving license|driver s licence|drivers licence|driver s license number|dl|dln|dl number|license id|permiso de conducir|carnet de conducir|carné de conducir|licencia de conducir|führerschein|permis de conduire|driver s lic|~license number|~licence number",
    ),
    (
        Cue::License,
        "medical license|license|licence|license number|licence number|lic|certificate|certificate number|cert|certification|registration number|col|ncol|nºcol|colegiado|nº col|número de colegiado|gmc|gmc number|nmc|bar number|board certification|state license|permit",
    ),
    (
        Cue::Plate,
        "plate|plates|license plate|licence plate|number plate|registration plate|plate number|license plate number|matrícula|matricula|tag number|vehicle reg|vehicle registration|reg no",
    ),
    (
        Cue::Device,
        "serial|serial number|serial no|device|device id|device identifier|device identifiers|device serial|sn|udi|asset tag|implant|pacemaker|pump serial|ventilator|lot number|imsi|iccid|uuid|guid",
    ),
    (
        Cue::Mrn,
        "mrn|mrns|mrn#|m r n|medical record|medical records|medical record number|medical record numbers|medical record no|medical record #|record number|record numbers|record no|record id|chart number|chart no|chart|chart id|patient id|patient number|patient no|patient identifier|hospital number|hospital no|unit number|nhc|n h c|historia clínica|historia clinica|número de historia|nº historia|cipa|med rec|med record|med rec no|mr number|mr#|ehr id|emr|emr id|emr number|records show id|~record|~records",
    ),
    (
        Cue::Plan,
        "insurance|health id|hmo|hmo id|ppo id|insurer|insurer id|health insurance|insurance carrier|insurance id|insurance number|insurance no|insurance policy|insurance card|insurance member|ins|ins id|ins plan|ins no|member|member id|member number|member no|memberid|subscriber|subscriber id|subscriber number|beneficiary|beneficiary id|beneficiary number|beneficiary numbers|health plan|health plan id|health plan number|health plan beneficiary|health plan beneficiary number|plan id|plan number|plan no|policy|policy id|policy number|policy no|group number|group no|group id|payer id|medicaid|medicaid id|medicaid number|hicn|hpbn|coverage id|claim number|claim no|claim id|claim|versichertennummer|krankenversichertennummer|seguro médico|póliza|poliza|número de póliza|afiliado|número de afiliado|aseguradora|~group|~plan",
    ),
    (
        Cue::Zip,
        "zip|zip code|zipcode|postal code|postcode|post code|cp|c p|código postal|codigo postal|plz|code postal|cap",
    ),
    (
        Cue::Birth,
        "dob|d o b|date of birth|birth date|birthdate|birthday|born|born on|nacimiento|fecha de nacimiento|f nac|nacido|nacida|geboren|naissance|né le|birth|~fecha|~fecha de ingreso|~fecha de alta|~date",
    ),
    (Cue::Age, "age|aged|ages|edad|age of|turned|~turn|~turning"),
    (
        Cue::Id,
        "id|ids|id#|id number|id no|identifier|identifiers|identification|identification number|case number|case no|case id|case #|reference|reference number|reference no|ref|ref no|ref number|ref code|reference code|confirmation number|tracking|tracking number|student number|accession|accession number|accession no|specimen|specimen id|sample id|study id|subject id|encounter|encounter id|encounter number|visit number|visit id|order id|employee id|employee ids|employee number|employee no|badge|badge number|site id|trial id|enrollment id|incident|incident id|ticket|ticket number|docket|docket number|prescription number|rx number|rx no|rx#|episodio|número de episodio|expediente|nº|num|identificador|código|nuhsa|cip|nº de identificación|hkid|participant id|student id|tax number",
    ),
    (Cue::Ip, "ip|ip address|ipv4|ipv6"),
    (
        Cue::Secret,
        "password|passwd|pwd|passphrase|secret|api key|apikey|access key|access token|auth token|secret key|private key|client secret|bearer|contraseña|clave|pin code|~pin|~token|~key|~passcode",
    ),
    (
        Cue::User,
        "username|user name|user id|userid|login name|login id|screen name|usuario",
    ),
    (
        Cue::Address,
        "address|dirección|direccion|domicilio|resides|lives|live|living|residing|located|adresse|indirizzo|located at|live at|lives at|street|mail to|deliver to|ship to",
    ),
];
