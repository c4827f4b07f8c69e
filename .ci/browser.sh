#!/usr/bin/env bash
# Provides Chromium and its driver, in which the interop suite opens our pages, from the distribution's packages.
# Running it again changes nothing. It starts no service.
set -euo pipefail

say() { printf 'browser: %s\n' "$*"; }

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
    exit 0
fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    say "install chromium and chromedriver"
    exit 1
fi
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium chromium-driver >/dev/null
say "installed $(chromium --version)"
