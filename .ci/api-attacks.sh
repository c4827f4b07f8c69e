#!/usr/bin/env bash
# Attacks the real server over HTTP with other people's programs: schemathesis sends what the OpenAPI document allows and what
# it does not, as each role, and wants no 5xx and no answer that is not declared; sqlmap tries each parameter.
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
end() {
    # Only the demo that was started here, which ends its own cluster and server.
    if [[ -n $demo ]] && kill -INT "$demo" 2>/dev/null; then wait "$demo" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap end EXIT

install || cannot "schemathesis and sqlmap cannot be installed"
cargo build -q -p bearingwall-demo -p bearingwall-server -p bearingwall-sealer --locked
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
for target in "${targets[@]}"; do
    IFS='|' read -r method address body <<<"$target"
    began=$SECONDS
    {
        printf '%s %s HTTP/1.1\n' "$method" "${address#"$url"}"
        printf 'Host: %s\n' "${url#http://}"
        cat "$work/headers"
        [[ -z $body ]] || printf 'Content-Type: application/json\n\n%s' "$body"
        printf '\n'
    } >"$work/request"
    # A run without a finding ends with a sentence of its own; anything else is looked at by a person.
    "$environment/bin/sqlmap" -r "$work/request" --batch --dbms=postgresql --level 2 --risk 2 --technique BEUST \
        --threads 1 --timeout 20 --disable-coloring --flush-session --output-dir "$work/sqlmap" --ignore-code '*' \
        >"$work/found" 2>&1 || true
    if ! grep -q 'do not appear to be injectable\|does not seem to be injectable' "$work/found"; then
        cat "$work/found"
        say "sqlmap on $method ${address#"$url"}: FAILED"
        exit 1
    fi
    say "sqlmap on $method ${address#"$url"} $body: nothing, $((SECONDS - began)) s"
done
