#!/usr/bin/env bash
# Validates the record's renderings (crates/events) against the schemas that others publish: HL7's of FHIR R4 and that of
# OCSF. The constraints of IHE BALP are in a test of the crate, which runs first.
# Needs Python 3.10 or newer; installs two packages, at fixed versions, in an environment below target/.
# The folder of public test vectors is $BEARINGWALL_VECTORS, or ../shared/vectors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

vectors="${BEARINGWALL_VECTORS:-../shared/vectors}/audit/fhir-r4"
environment="${CARGO_TARGET_DIR:-target}/audit-formats"
packages=(jsonschema-rs==0.61.0 ocsf-json-schema==1.2.0)
# Seconds for all downloads together.
patience=300

say() { printf 'audit formats: %s\n' "$*"; }

# What cannot run here is no success where continuous integration must run it.
cannot() {
    if [[ ${CI:-} == true ]]; then
        say "$*, and continuous integration must check it"
        exit 1
    fi
    say "SKIPPED: $*"
    exit 0
}

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    return 1
}

make_environment() {
    local python=$1
    # Debian has the module that makes environments in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        apt-get update -q >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3-venv >/dev/null
    fi
    rm -rf "$environment"
    "$python" -m venv "$environment" &&
        # Built packages only: nothing of them runs while they are installed.
        timeout "$patience" "$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps \
            --only-binary :all: "${packages[@]}" &&
        printf '%s\n' "${packages[@]}" >"$environment/installed"
}

is_installed() {
    [[ -x $environment/bin/python && -r $environment/installed ]] &&
        [[ $(<"$environment/installed") == "$(printf '%s\n' "${packages[@]}")" ]]
}

cargo test -p bearingwall-events --locked --test it balp

[[ -r $vectors/fhir.schema.json.zip && -r $vectors/auditevent.profile.json ]] || cannot "HL7's schema is not in $vectors"
python=$(find_python) || cannot "there is no Python 3.10 or newer"
is_installed || make_environment "$python" || cannot "the packages ${packages[*]} could not be installed"

cargo build -q -p bearingwall-events --locked --example renderings
cargo run -q -p bearingwall-events --locked --example renderings | "$environment/bin/python" .ci/audit_formats.py "$vectors"
say "all renderings validate"
