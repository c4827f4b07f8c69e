"""Writes the sample data of two invented medical spas, deterministically. No real person, number or address:
phones are in the 555-01xx range, e-mails under example.*, SSNs in the never-issued 9xx range."""
import csv, hashlib, json, random, pathlib
from faker import Faker
out = pathlib.Path('medspa'); out.mkdir(exist_ok=True)
SERVICES = [("botox","Botox (glabella)",30,"botox-consent"),("filler","Hyaluronic filler (lips)",45,"filler-consent"),("laser","Laser hair removal",60,"laser-consent"),
            ("peel","Chemical peel",45,"peel-consent"),("hydra","HydraFacial",60,""),("micro","Microneedling",75,"micro-consent"),("prp","PRP therapy",90,"prp-consent")]
ALLERGY = ["penicillin","lidocaine","latex","none known","sulfa","aspirin","shellfish"]
COND = ["type 2 diabetes","hypertension","HIV positive, undetectable","hypothyroidism","none","asthma","depression, on sertraline","pregnant, 14 weeks","rosacea","hepatitis C, treated"]
def spa(slug, name, seed, n):
    r = random.Random(seed); f = Faker('en_US'); f.seed_instance(seed)
    clients=[]; notes=[]; appts=[]
    staff=[f"{f.first_name()} {f.last_name()}, {t}" for t in ("RN","NP","PA-C","MD")]
    for i in range(n):
        first,last=f.first_name(),f.last_name(); dob=f.date_of_birth(minimum_age=18,maximum_age=88)
        ext=f"{slug}-{i+1:05d}"
        canary="CANARY-"+hashlib.sha256(f"{slug}{i}".encode()).hexdigest()[:12].upper()
        clients.append(dict(external_id=ext,first_name=first,last_name=last,date_of_birth=dob.isoformat(),phone=f"({r.choice([212,305,415,512,617])}) 555-01{r.randrange(100):02d}",
            email=f"{first}.{last}{r.randrange(1000)}@example.{r.choice(['com','org','net'])}".lower(),street=f.street_address(),city=f.city(),state=f.state_abbr(include_territories=False),postal_code=f.postcode(),
            allergies=r.choice(ALLERGY),conditions=r.choice(COND),marketing_opt_in=r.choice(["true","false"]),canary=canary))
        for k in range(r.randrange(1,6)):
            s=r.choice(SERVICES); d=f.date_between('-2y','today').isoformat(); u=r.randrange(10,60); lot=f"{r.choice('ABC')}{r.randrange(1000,9999)}"
            who=r.choice(staff); c=clients[-1]
            body=r.choice([
             f"{c['first_name']} {c['last_name']} (DOB {dob.strftime('%m/%d/%Y')}, cell {c['phone']}) presented for {s[1]}. Hx: {c['conditions']}. Allergies: {c['allergies']}. {u} units, lot {lot}. Tolerated well. Next visit in 12 weeks.",
             f"Pt reports mild bruising after last {s[1].lower()}. Photos taken with consent. Advised arnica; call {c['phone']} or email {c['email']} in 48h. -- {who}",
             f"Consult with {c['first_name']} re {s[1].lower()}; lives at {c['street']}, {c['city']}, {c['state']} {c['postal_code']}. SSN on intake 9{r.randrange(10,99)}-{r.randrange(10,99)}-{r.randrange(1000,9999)} struck out per policy. {c['conditions']}.",
             f"Phone call {d} 14:{r.randrange(10,59)}: Mrs. {c['last_name']} asked to reschedule {s[1].lower()}; her daughter {f.first_name()} will drive. MRN {r.randrange(10**6,10**7)}. No PHI left on voicemail."])
            notes.append(dict(client_external_id=ext,noted_on=d,author=who,service=s[0],body=body+" "+canary))
            appts.append(dict(client_external_id=ext,service=s[0],starts_at=f"{d}T{r.randrange(9,18):02d}:{r.choice(['00','15','30','45'])}:00Z",duration_minutes=s[2],status=r.choice(["completed","completed","no_show","cancelled"]),provider=who))
    for nm,rows in (("clients",clients),("chart_notes",notes),("appointments",appts)):
        with open(out/f"{slug}.{nm}.csv","w",newline="") as h:
            w=csv.DictWriter(h,rows[0].keys()); w.writeheader(); w.writerows(rows)
    return dict(slug=slug,name=name,region="us-east-1" if slug=="juniper" else "eu-west-1",clients=len(clients),chart_notes=len(notes),appointments=len(appts),staff=staff)
m=[spa("juniper","Juniper Aesthetics",7,600),spa("saltmarsh","Saltmarsh Skin & Laser",11,400)]
manifest=json.dumps(dict(tenants=m,services=[dict(code=a,name=b,duration_minutes=c,consent=d or None) for a,b,c,d in SERVICES]),indent=1)
(out/"manifest.json").write_text(manifest+"\n")
print(m)
