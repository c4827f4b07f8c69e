#!/usr/bin/env bash
# Provides the vendors' own libraries for webhooks, for the interop suite, below target/: from PyPI in an environment of their
# own, and from npm by a lock file. Running it again changes nothing. It starts no service.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

home="${CARGO_TARGET_DIR:-target}/webhooks"
peer=crates/interop/testdata/webhooks
packages=(standardwebhooks==1.1.0 stripe==16.1.0 twilio==9.13.0)
patience=300

say() { printf 'webhooks: %s\n' "$*"; }

install_packages() {
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || { say "not installed: $*"; return 1; }
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

provide_python() {
    local environment="$home/python"
    if [[ ! -x $environment/bin/python || $(cat "$environment/installed" 2>/dev/null) != "${packages[*]}" ]]; then
        python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv || return 1
        rm -rf "$environment"
        python3 -m venv "$environment" &&
            timeout "$patience" "$environment/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "${packages[@]}" &&
            printf '%s\n' "${packages[*]}" >"$environment/installed" || { say "the libraries for Python could not be provided"; return 1; }
    fi
    say "for Python: ${packages[*]}"
}

provide_node() {
    local folder="$home/node"
    if ! cmp -s "$peer/package-lock.json" "$folder/package-lock.json" || [[ ! -e $folder/node_modules/stripe ]]; then
        command -v node >/dev/null && command -v npm >/dev/null || install_packages nodejs npm || return 1
        mkdir -p "$folder"
        rm -f "$folder/package-lock.json"
        cp "$peer/package.json" "$folder/"
        # Exactly what the lock file says, and none of the packages' own scripts.
        (cp "$peer/package-lock.json" "$folder/package-lock.json" && cd "$folder" &&
            timeout "$patience" npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) ||
            { rm -f "$folder/package-lock.json"; say "the libraries for Node.js could not be provided"; return 1; }
    fi
    say "for Node.js: what $peer/package-lock.json says"
}

status=0
provide_python || status=1
provide_node || status=1
exit "$status"
