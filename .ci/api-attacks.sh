#!/usr/bin/env bash
# Attacks the real server over HTTP with other people's programs: schemathesis sends what the OpenAPI document allows and what
# it does not, as each role, and wants no 5xx and no answer that is not declared; sqlmap tries each parameter, after it has
# found three holes that are made for it: a run that finds nothing says something only where there is nothing to find.
# Starts a demo of its own on loopback, and ends it. Needs Python 3.10 or newer; installs two packages, at fixed versions, in an
# environment below target/.
#   .ci/api-attacks.sh            schemathesis as each role, sqlmap on some parameters
#   .ci/api-attacks.sh --full     more cases, and sqlmap on every parameter of the OpenAPI document (an hour)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root=$PWD
environment="$(realpath -m "${CARGO_TARGET_DIR:-target}")/api-attacks"
packages=(schemathesis==4.32.5 sqlmap==1.10.10)
examples=12
full=no
[[ ${1:-} == --full ]] && full=yes examples=100

say() { printf 'api attacks: %s\n' "$*"; }

# What cannot run here is no success where continuous integration must run it.
cannot() {
    if [[ ${CI:-} == true ]]; then
        say "$*, and continuous integration must check it"
        exit 1
    fi
    say "SKIPPED: $*"
    exit 0
}

install() {
    if [[ -r $environment/installed && $(<"$environment/installed") == "$(printf '%s\n' "${packages[@]}")" ]]; then
        return
    fi
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        apt-get update -q >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3 python3-venv >/dev/null
    fi
    rm -rf "$environment"
    python3 -m venv "$environment" &&
        timeout 300 "$environment/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}" &&
        printf '%s\n' "${packages[@]}" >"$environment/installed"
}

work=$(mktemp -d)
demo=
hole=
end() {
    if [[ -n $hole ]] && kill "$hole" 2>/dev/null; then wait "$hole" 2>/dev/null || true; fi
    # Only the demo that was started here, which ends its own cluster and server.
    if [[ -n $demo ]] && kill -INT "$demo" 2>/dev/null; then wait "$demo" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap end EXIT

install || cannot "schemathesis and sqlmap cannot be installed"
cargo build -q -p bearingwall-demo -p bearingwall-server -p bearingwall-sealer --locked
cargo build -q -p bearingwall-testkit --example injectable --locked
chmod 755 "$work"
"${CARGO_TARGET_DIR:-target}/debug/bearingwall-demo" --fresh --data-dir "$work/demo" --port 0 >"$work/demo.log" 2>&1 &
demo=$!
variables="$work/demo/state/env.sh"
for _ in $(seq 1 240); do
    grep -q 'Ctrl-C stops' "$work/demo.log" && break
    kill -0 "$demo" 2>/dev/null || { cat "$work/demo.log"; say "the demo ended"; exit 1; }
    sleep 1
done
# shellcheck disable=SC1090
. "$variables"
# shellcheck disable=SC2154
url=$BEARINGWALL_URL

checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance
for role in JUNIPER_READER JUNIPER_WRITER JUNIPER_ADMIN SALTMARSH_ADMIN PLATFORM_ADMIN; do
    began=$SECONDS
    # The token goes in by a file of this directory, and not on a command line.
    printf '[headers]\nAuthorization = "Bearer %s"\n' "${!role}" >"$work/schemathesis.toml"
    # In the scratch directory, where it keeps what it remembers.
    if ! (cd "$work" && "$environment/bin/schemathesis" --config-file "$work/schemathesis.toml" run "$root/docs/openapi.json" --url "$url" \
        --checks "$checks" --phases coverage,fuzzing --max-examples "$examples" --seed 7 --request-timeout 30 \
        --warnings off) >"$work/found" 2>&1; then
        cat "$work/found"
        say "schemathesis as $role: FAILED"
        exit 1
    fi
    say "schemathesis as $role: $(sed -n 's/^ *\([0-9]* generated.*\)/\1/p' "$work/found"), $((SECONDS - began)) s"
done

# The tokens go in by files, and not on a command line.
# shellcheck disable=SC2154
printf 'Authorization: Bearer %s\n' "$JUNIPER_ADMIN" >"$work/headers"
# shellcheck disable=SC2154
printf 'Authorization: Bearer %s\n' "$PLATFORM_ADMIN" >"$work/staff"
ask() { curl -sS -H @"$work/headers" "$url$1" | python3 -c "import json, sys; print(json.load(sys.stdin)$2)"; }
# shellcheck disable=SC2154
client=$JUNIPER_CLIENT
customer=$(ask /v1/me '["customer_id"]')
note=$(ask "/v1/clients/$client/chart-notes?limit=1" '["items"][0]["id"]')
mkdir "$work/requests"
python3 .ci/injection_requests.py docs/openapi.json "${url#http://}" "$customer" "$client" "$note" "$work/headers" "$work/staff" \
    "$work/requests" >"$work/targets"

# Asks sqlmap about one request, with the same options whoever answers. What it says goes to $work/found, and how often
# which status was answered is printed.
inject() {
    rm -f "$work/traffic"
    "$environment/bin/sqlmap" -r "$1" --batch --dbms=postgresql --level 2 --risk 2 --technique BEUST \
        --threads 1 --timeout 20 --disable-coloring --flush-session --output-dir "$work/sqlmap" --ignore-code '*' \
        -t "$work/traffic" </dev/null >"$work/found" 2>&1 || true
    sed -n 's/^HTTP response \[#[0-9]*\] (\([0-9]*\).*/\1/p' "$work/traffic" | sort | uniq -c |
        while read -r count status; do printf ' %s×%s' "$count" "$status"; done
}

# On the demo's own database, with the rights of the application's role. Its standard input ends with this script.
mkfifo "$work/open"
exec 3<>"$work/open"
"${CARGO_TARGET_DIR:-target}/debug/examples/injectable" --data-root "$work/demo/postgresql" --cluster demo \
    --database bearingwall <"$work/open" 3>&- >"$work/hole" &
hole=$!
for _ in $(seq 1 60); do
    [[ -s $work/hole ]] && break
    kill -0 "$hole" 2>/dev/null || { say "the hole that sqlmap must find did not start"; exit 1; }
    sleep 1
done
planted=$(<"$work/hole")
host="Host: ${planted#http://}"
printf 'GET /hole?name=pg_class* HTTP/1.1\n%s\n\n' "$host" >"$work/hole-in-query"
printf 'GET /hole HTTP/1.1\n%s\nX-Name: pg_class*\n\n' "$host" >"$work/hole-in-header"
printf 'POST /hole HTTP/1.1\n%s\nContent-Type: application/json\n\n{"name":"pg_class*"}\n' "$host" >"$work/hole-in-body"
for hole_in in query header body; do
    began=$SECONDS
    answers=$(inject "$work/hole-in-$hole_in")
    if ! grep -q 'identified the following injection point' "$work/found"; then
        cat "$work/found"
        say "sqlmap does not find the hole that was made for it in a $hole_in: FAILED"
        exit 1
    fi
    say "sqlmap finds the hole in a $hole_in:$answers, $((SECONDS - began)) s"
done

while IFS=$'\t' read -r request name; do
    [[ $full == yes || $name == *"/v1/audit/events, query event_type" || $name == *"/v1/clients:search, body name_prefix" ]] || continue
    began=$SECONDS
    answers=$(inject "$request")
    # A run without a finding ends with a sentence of its own; anything else is looked at by a person.
    if ! grep -q 'do not appear to be injectable\|does not seem to be injectable' "$work/found"; then
        cat "$work/found"
        say "sqlmap on $name: FAILED"
        exit 1
    fi
    # A 5xx is a finding of its own, and what was turned away at the door, or left out, was not tried. Before `/v1` the parameter
    # itself is what opens the door.
    if (($(grep -c '^HTTP response' "$work/traffic") < 100)) || [[ $answers =~ ×5 || ($name == *" /v1/"* && $answers =~ ×(401|403|429)) ]]; then
        say "sqlmap on $name:$answers: FAILED, for these answers mean that nothing was tried, or that something broke"
        exit 1
    fi
    say "sqlmap on $name: nothing,$answers, $((SECONDS - began)) s"
done <"$work/targets"
