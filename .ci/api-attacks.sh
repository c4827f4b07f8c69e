#!/usr/bin/env bash
# Attacks the real server over HTTP with other people's programs: schemathesis sends what the OpenAPI document allows and what
# it does not, as each role, and wants no 5xx and no answer that is not declared; sqlmap tries each parameter, after it has
# found two holes that are made for it: a run that finds nothing says something only where there is nothing to find.
# Starts a demo of its own on loopback, and ends it. Needs Python 3.10 or newer; installs two packages, at fixed versions, in an
# environment below target/.
#   .ci/api-attacks.sh            schemathesis as each role, sqlmap on some parameters
#   .ci/api-attacks.sh --full     more cases, and sqlmap on every parameter (half an hour)
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

# Each line: a name, the method, the address with * where sqlmap is to try, and a body.
# shellcheck disable=SC2154
client=$JUNIPER_CLIENT
targets=(
    "GET|$url/v1/audit/events?event_type=client.read*&limit=5|"
    "POST|$url/v1/clients:search|{\"name_prefix\":\"gar*\"}"
)
if [[ $full == yes ]]; then
    targets+=(
        "GET|$url/v1/clients?limit=5*|"
        "GET|$url/v1/clients?before=$client*|"
        "GET|$url/v1/clients/$client*|"
        "GET|$url/v1/clients/$client/access-log?before=1.$client*|"
        "GET|$url/v1/audit/events?client_id=$client*|"
        "GET|$url/v1/audit/events?actor_id=$client*|"
        "GET|$url/v1/audit/events?request_id=$client*|"
        "GET|$url/v1/audit/events?from=2026-01-01T00:00:00Z*|"
        "GET|$url/v1/audit/proofs/inclusion?event_id=$client*|"
        "GET|$url/v1/audit/proofs/consistency?from=1*|"
        "GET|$url/v1/audit/log/tile/0/000*|"
        "GET|$url/v1/audit/reports/activity?day_begins=6*|"
        "GET|$url/v1/audit/reports/requests/$client*|"
        "POST|$url/v1/clients:search|{\"phone\":\"5550100*\"}"
        "POST|$url/v1/clients:search|{\"email\":\"a@example.net*\"}"
        "POST|$url/v1/clients/$client/chart-notes|{\"noted_on\":\"2026-01-05\",\"author\":\"J\",\"service\":\"peel\",\"body\":\"x*\"}"
    )
fi
# shellcheck disable=SC2154
printf 'Authorization: Bearer %s\n' "$JUNIPER_ADMIN" >"$work/headers"

# Asks sqlmap about one target, with the same options whoever answers. What it says goes to $work/found, and how often
# which status was answered is printed.
#   inject URL TARGET
inject() {
    local method address body
    IFS='|' read -r method address body <<<"$2"
    {
        printf '%s %s HTTP/1.1\n' "$method" "${address#"$1"}"
        printf 'Host: %s\n' "${1#http://}"
        cat "$work/headers"
        [[ -z $body ]] || printf 'Content-Type: application/json\n\n%s' "$body"
        printf '\n'
    } >"$work/request"
    rm -f "$work/traffic"
    "$environment/bin/sqlmap" -r "$work/request" --batch --dbms=postgresql --level 2 --risk 2 --technique BEUST \
        --threads 1 --timeout 20 --disable-coloring --flush-session --output-dir "$work/sqlmap" --ignore-code '*' \
        -t "$work/traffic" >"$work/found" 2>&1 || true
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
for target in "GET|$planted/hole?name=pg_class*|" "POST|$planted/hole|{\"name\":\"pg_class*\"}"; do
    began=$SECONDS
    answers=$(inject "$planted" "$target")
    if ! grep -q 'identified the following injection point' "$work/found"; then
        cat "$work/found"
        say "sqlmap does not find the hole that was made for it (${target%%|*}): FAILED"
        exit 1
    fi
    say "sqlmap finds the hole in ${target%%|*}:$answers, $((SECONDS - began)) s"
done

for target in "${targets[@]}"; do
    began=$SECONDS
    name=${target/"$url"/}
    answers=$(inject "$url" "$target")
    # A run without a finding ends with a sentence of its own; anything else is looked at by a person.
    if ! grep -q 'do not appear to be injectable\|does not seem to be injectable' "$work/found"; then
        cat "$work/found"
        say "sqlmap on ${name//|/ }: FAILED"
        exit 1
    fi
    # What was turned away at the door was not tried, and a 5xx is a finding of its own.
    if [[ -z $answers || $answers =~ ×(401|403|429|5) ]]; then
        say "sqlmap on ${name//|/ }:$answers: FAILED, for these answers mean that nothing was tried, or that something broke"
        exit 1
    fi
    say "sqlmap on ${name//|/ }: nothing,$answers, $((SECONDS - began)) s"
done
