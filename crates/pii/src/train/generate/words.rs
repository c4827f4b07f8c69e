//! The words that values are made of, parted by `;`.

pub(super) const STREETS: &str = "Main;Oak;Maple;Pine;Cedar;Elm;Park;Washington;Lake;Hill;Walnut;Spring;North;Ridge;Church;Willow;Mill;\
    Sunset;Railroad;Jackson;River;Highland;Jefferson;Center;Franklin;Forest;Meadow;Lincoln;Adams;Chestnut;\
    Broad;Dogwood;Hickory;Fifth;Third;5th;12th;42nd;Madison;Market;Green;High;Station;Victoria;Queen;King;\
    Mission;Grand;Harbor;Valley;Bay;Cherry;Magnolia;Laurel;Locust;Riverside;College";

pub(super) const KINDS: &str = "Street;St;St.;Avenue;Ave;Ave.;Road;Rd;Rd.;Boulevard;Blvd;Drive;Dr;Lane;Ln;Court;Ct;Circle;Place;Way;\
    Terrace;Parkway;Highway;Trail;Crescent;Close;Square;Loop;Crossing;Point;Path;Row;Run;Views;Gardens;Mews;\
    Pike;Plaza;Walk";

pub(super) const SAID_KINDS: &str = "Street;Avenue;Road;Boulevard;Drive;Lane;Court;Place;Way";

pub(super) const ENDINGS: &str = "strasse;straße;gatan;vägen;vej;gade;weg;laan;straat;gata;veien;katu;tie;gasse;plein;allee;bakken;kade;\
    dreef";

pub(super) const STEMS: &str = "Haupt;Bahnhof;Berliner;Wald;Schul;Linden;Kirch;Garten;Berg;Skol;Kungs;Stor;Björk;Nørre;Vester;Skov;\
    Møllers;Hammar;Kerk;Dorps;Molen;Prins;Beuken;Wilhelmina;Rosen;Schiller;Mozart;Pohjois;Kosken;\
    Mannerheimin;Kirke;Strand;Ring;Sonnen;Brücken;Tulpen;Frederiks;Eke;Lille;Sjö;Ängs;Buchen;Lange;Nieuwe";

pub(super) const FIRST_KINDS: &str = "Rue;rue de;Rue de la;Avenue de;Boulevard;Via;Viale;Piazza;Calle;Avenida;Rua;ul.;Ulica;Avda.;C/;Place;\
    Chemin de;Corso;Travessa;Strada;Plaza;Paseo;Jalan";

pub(super) const ES_KINDS: &str = "Calle;C/;Avenida;Avda.;Avd.;Av.;Plaza;Pza.;Paseo;Pº;Ronda;Carrer;Rúa;Camino;Carretera;Ctra.;Travesía;\
    Urbanización;Gran Vía;Rambla;Glorieta";

pub(super) const ES_STREETS: &str = "Mayor;Real;del Sol;de la Constitución;de España;San Juan;Santa María;de Cervantes;Colón;de los Olivos;\
    Goya;Velázquez;del Carmen;San Antonio;Alcalá;Serrano;de Andalucía;del Prado;de la Paz;Ramón y Cajal;\
    Doctor Fleming;Rosalía de Castro;Juan Carlos I;de la Estación;del Mar;Nueva;Ancha;Espronceda;\
    Lope de Vega;Machado;Miguel Hernández;de la Iglesia;San Sebastián;Arenal;Aragón;Valencia;Balmes;Marina;\
    Larios;Princesa;Toledo;Zaragoza";

pub(super) const FACILITY_HEADS: &str = "General Hospital;Medical Center;Memorial Hospital;Regional Hospital;Community Hospital;Clinic;\
    Family Clinic;University Hospital;Children's Hospital;Health Center;Regional Medical Center;Hospital;\
    Health;Med Ctr;Medical Centre;County Hospital;Urgent Care;Hospital Center;Veterans Hospital;Healthcare;\
    Health System;Cancer Center;Heart Institute;Surgical Center;Rehabilitation Center;General;Memorial;\
    Primary Care;Family Medicine;Hospice";

pub(super) const SAINTS: &str = "Mary;Joseph;Luke;John;Anthony;Vincent;Francis;Michael;Thomas;Elizabeth;Jude;Peter;Anne;Agnes;Mark;\
    Catherine;Patrick;Clare";

pub(super) const ORG_STEMS: &str = "Data;Cloud;Net;Bright;Blue;North;Green;Silver;Inter;Trans;Omni;Pro;Med;Bio;Geo;Agri;Air;Aero;Cyber;Quant;\
    Vertex;Apex;Summit;Pioneer;Liberty;Atlas;Delta;Nova;Solar;Terra;Urban;Zen;Civic;Code;Cost;Flight;Energy;\
    Health;Job;Land;Map;Open;People;Rock;Ship;Smart;Spring;Square;Star;Trip;True;Web;Work;Zip;Clear;Fire;Red;\
    First;Farm;Legal;Lending;Social;Sky";

pub(super) const ORG_TAILS: &str = "mine;quest;ware;scape;metrics;stat;bridge;point;path;works;logic;wise;tree;view;cast;link;gen;sense;scan;\
    forge;ly;ify;io;hub;base;graph;aware;sonic;tech;corp;soft;land;line;ist;ix;nomics";

pub(super) const ORG_WORDS: &str = "Technologies;Solutions;Systems;Partners;Analytics;Labs;Networks;Services;Group;Holdings;Industries;\
    Consulting;Logistics;Capital;Media;Research;Software;Energy;Insurance;Financial;Global;International;\
    Digital;Foods;Airlines;Motors;Pharmaceuticals;Institute;Foundation;Associates;Laboratories;Properties;\
    Realty;Credit Union;Mutual;Communications;Interactive;Dynamics;Ventures;Trust;Society;Council;Bank;\
    University;Records;Press;Construction;Textiles;Transit;Steel;Shipping";

pub(super) const ORG_FORMS: &str =
    "Inc;Inc.;LLC;Ltd;Ltd.;PLC;Corp;Corp.;Co.;GmbH;AG;S.A.;AB;BV;Group;and Sons;& Co;LLP;Oy;S.p.A.";

pub(super) const JOBS: &str = "engineer;software engineer;civil engineer;nurse;registered nurse;teacher;primary school teacher;lawyer;\
    paralegal;accountant;tax accountant;data analyst;web developer;graphic designer;consultant;\
    police officer;bank clerk;bookkeeper;lab technician;dental assistant;secretary;CEO;CFO;CTO;\
    chief executive;journalist;copy editor;actor;musician;record producer;chef;sous chef;waiter;truck driver;\
    bus driver;pilot;farmer;plumber;carpenter;electrician;mechanic;cashier;architect;marine biologist;\
    research scientist;professor;assistant professor;basketball coach;personal trainer;real estate agent;\
    insurance broker;shift supervisor;HR specialist;project manager;product manager;regional sales manager;\
    store manager;machine operator;packer;building inspector;librarian;translator;security guard;\
    veterinarian;pharmacist;radiographer;physiotherapist;midwife;social worker;baker;butcher;barber;\
    hairdresser;tailor;locksmith;roofer;welder;geologist;economist;statistician;auditor;claims adjuster;\
    underwriter;flight attendant;air traffic controller;firefighter;paramedic;park ranger;logger;surveyor;\
    animator;photographer;curator;buyer;office clerk;data entry keyer;payroll clerk;telemarketer;dispatcher;\
    courier;postmaster;optician;dietitian;audiologist;speech therapist;X-ray operator;\
    ultrasound technologist;cost estimator;loan officer;credit analyst;financial planner;museum guide;\
    tour guide;gardener;landscaper;janitor;housekeeper;nanny;sheriff;judge;mayor;senator;bishop";

pub(super) const TOPLEVEL: &str = "com;org;net;edu;co.uk;de;es;io;fr;us;ca;com.au;it;se";

pub(super) const MAILERS: &str = "gmail;yahoo;hotmail;outlook;icloud;aol;mail;proton;example";

pub(super) const ES_MONTHS: &str =
    "enero;febrero;marzo;abril;mayo;junio;julio;agosto;septiembre;octubre;noviembre;diciembre";

pub(super) const DAYS: &str = "Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday";
