#!/usr/bin/env bash
# Provides what the stand-in of Azure Key Vault needs for the interop suite: the Python package `cryptography`, of a fixed
# version, in an environment below target/. Running it again changes nothing. It starts no service.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environment="${CARGO_TARGET_DIR:-target}/keyvault"
package='cryptography==50.0.2'
patience=300

say() { printf 'keyvault: %s\n' "$*"; }

if [[ -x $environment/bin/python && $(cat "$environment/installed" 2>/dev/null) == "$package" ]]; then
    exit 0
fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends python3 python3-venv >/dev/null
fi
rm -rf "$environment"
python3 -m venv "$environment"
timeout "$patience" "$environment/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$package"
printf '%s\n' "$package" >"$environment/installed"
say "installed $package"
