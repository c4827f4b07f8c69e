"use strict";

// Everything that comes from a text is put on the page as text, never as markup.

const at = (id) => document.getElementById(id);
const utf8 = new TextDecoder();

// Neither is written anywhere: a page that is closed has forgotten both.
let bearer = null;
let csrf = null;
let looking = 0;

function say(text) {
  at("status").textContent = text;
}

function complain(text) {
  at("problem").textContent = text;
  at("problem").hidden = text === "";
}

async function call(path, body) {
  const headers = { "content-type": "application/json" };
  if (bearer !== null) {
    headers.authorization = `Bearer ${bearer}`;
  } else if (csrf !== null) {
    headers["x-csrf"] = csrf;
  }
  const credentials = bearer === null ? "same-origin" : "omit";
  const answer = await fetch(path, { method: "POST", headers, credentials, cache: "no-store", body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) {
    if (answer.status === 401) {
      bearer = null;
      csrf = null;
      await askWho();
    }
    throw new Error(`${told.title ?? "The server refused it"} (${told.code ?? answer.status}), correlation id ${told.correlation_id ?? "unknown"}`);
  }
  return told;
}

async function askWho() {
  const answer = await fetch("/auth/session", { credentials: "same-origin", cache: "no-store" });
  if (answer.ok) {
    csrf = (await answer.json()).csrf_token;
    at("sign-in").hidden = true;
    return;
  }
  // Without sessions in this deployment there is no such path.
  at("sign-in-link").hidden = answer.status === 404;
  at("sign-in").hidden = false;
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  return made;
}

function show(text, findings) {
  // The server counts bytes of UTF-8; a string here counts something else.
  const bytes = new TextEncoder().encode(text);
  const part = (span) => utf8.decode(bytes.subarray(span.start, span.end));
  const highlighted = at("highlighted");
  const rows = at("findings");
  const counts = new Map();
  highlighted.replaceChildren();
  rows.replaceChildren();
  let end = 0;
  findings.forEach((finding, index) => {
    const { entity, action, explanation: why } = finding;
    highlighted.append(part({ start: end, end: finding.bytes.start }));
    const mark = element("mark", part(finding.bytes), { "data-entity": entity, "data-action": action, id: `finding-${index}` });
    mark.append(element("span", entity, { class: "kind" }));
    highlighted.append(mark);
    end = finding.bytes.end;
    counts.set(entity, (counts.get(entity) ?? 0) + 1);

    const row = document.createElement("tr");
    const value = document.createElement("td");
    const link = element("a", part(finding.bytes), { href: `#finding-${index}` });
    link.addEventListener("click", () => {
      document.querySelector("mark.shown")?.classList.remove("shown");
      mark.classList.add("shown");
    });
    value.append(link);
    const also = why.also === undefined ? "" : `, also ${why.also.join(", ")}`;
    row.append(
      value,
      element("td", entity),
      element("td", action),
      element("td", finding.score.toFixed(2)),
      element("td", why.recognizer + also),
      element("td", why.validity),
      element("td", why.context === undefined ? "–" : part(why.context)),
      element("td", `${finding.bytes.start}–${finding.bytes.end}`),
    );
    rows.append(row);
  });
  highlighted.append(part({ start: end, end: bytes.length }));
  at("legend").replaceChildren(...[...counts].map(([entity, count]) => element("li", `${entity} × ${count}`)));
  at("result").hidden = false;
  at("masked-section").hidden = false;
}

function forget() {
  for (const id of ["highlighted", "findings", "legend", "masked"]) {
    at(id).replaceChildren();
  }
  for (const id of ["result", "masked-section", "masked"]) {
    at(id).hidden = true;
  }
}

async function work(doing, act) {
  const mine = ++looking;
  complain("");
  say(doing);
  at("look").disabled = true;
  at("mask").disabled = true;
  try {
    const done = await act();
    if (mine === looking) {
      say(done());
    }
  } catch (error) {
    if (mine === looking) {
      say("");
      complain(error.message);
    }
  } finally {
    at("look").disabled = false;
    at("mask").disabled = false;
  }
}

at("try").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("text").value;
  forget();
  work("Looking …", async () => {
    const told = await call("/v1/pii/detect", { text, kind: at("kind").value });
    return () => {
      show(text, told.findings);
      const version = told.policy_version === 0 ? "the default policy" : `policy version ${told.policy_version}`;
      return `${told.findings.length} found under ${version}.`;
    };
  });
});

at("mask").addEventListener("click", () => {
  const text = at("text").value;
  work("Masking …", async () => {
    const told = await call("/v1/pii/mask", { text, kind: at("kind").value });
    return () => {
      at("masked").textContent = told.text;
      at("masked").hidden = false;
      return `Masked; conversation ${told.conversation_id} until ${told.expires_at}.`;
    };
  });
});

at("clear").addEventListener("click", () => {
  looking += 1;
  at("text").value = "";
  forget();
  complain("");
  say("");
  at("text").focus();
});

at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  bearer = at("token").value.trim();
  at("token").value = "";
  at("sign-in").hidden = true;
  say("The token will be used.");
  at("text").focus();
});

askWho().catch(() => complain("The server cannot be reached."));
