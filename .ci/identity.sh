#!/usr/bin/env bash
# Provides two identity providers for the interop suite, in the user's cache and nowhere else: Keycloak's own distribution
# through Maven, set up for a database in memory, and the npm package `oidc-provider`. Running it again changes nothing.
# It starts no service. What is missing is said, and the exit code tells; the suite then says what it skips.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

keycloak_version=26.7.3
cache="${XDG_CACHE_HOME:-$HOME/.cache}/bearingwall"
peer=crates/interop/testdata/oidc-provider

say() { printf 'identity: %s\n' "$*"; }

install_packages() {
    command -v apt-get >/dev/null || { say "no apt-get here: install $* by hand"; return 1; }
    local as_root=()
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || { say "not installed: $* needs root"; return 1; }
        as_root=(sudo -n)
    fi
    "${as_root[@]}" apt-get update -q >/dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

# Keycloak 26 needs Java 17 or newer.
provide_keycloak() {
    local home="$cache/keycloak/keycloak-$keycloak_version" work zip="keycloak-quarkus-dist-$keycloak_version.zip"
    if [[ ! -e $home/prepared ]]; then
        command -v java >/dev/null || install_packages openjdk-17-jre-headless || return 1
        command -v mvn >/dev/null || install_packages maven || return 1
        command -v unzip >/dev/null || install_packages unzip || return 1
        mkdir -p "$cache/keycloak"
        work=$(mktemp -d "$cache/keycloak/new.XXXXXX")
        mvn -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dmdep.useBaseVersion=true \
            -Dartifact="org.keycloak:keycloak-quarkus-dist:$keycloak_version:zip" -DoutputDirectory="$work" &&
            unzip -q "$work/$zip" -d "$work" &&
            "$work/keycloak-$keycloak_version/bin/kc.sh" build --db=dev-mem --health-enabled=false >/dev/null &&
            touch "$work/keycloak-$keycloak_version/prepared" && rm -rf "$home" &&
            mv "$work/keycloak-$keycloak_version" "$home" || { rm -rf "$work"; say "Keycloak $keycloak_version could not be provided"; return 1; }
        rm -rf "$work"
    fi
    say "Keycloak $keycloak_version at $home"
}

provide_oidc_provider() {
    local home="$cache/oidc-provider"
    if ! cmp -s "$peer/package-lock.json" "$home/package-lock.json" || [[ ! -e $home/node_modules/oidc-provider ]]; then
        command -v node >/dev/null && command -v npm >/dev/null || install_packages nodejs npm || return 1
        mkdir -p "$home"
        rm -f "$home/package-lock.json"
        cp "$peer/package.json" "$home/"
        # Exactly what the lock file says, and none of the packages' own scripts.
        (cp "$peer/package-lock.json" "$home/package-lock.json" && cd "$home" && npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1) ||
            { rm -f "$home/package-lock.json"; say "oidc-provider could not be provided"; return 1; }
    fi
    say "oidc-provider at $home"
}

status=0
provide_keycloak || status=1
provide_oidc_provider || status=1
exit "$status"
