#!/usr/bin/env bash
# Provides PgBouncer for the interop suite: the distribution's own, and where that is older than 1.21 a second one that
# carries named statements, built from the source package of the next Debian release. Running it again changes nothing.
# It starts no service. Installing needs root or a sudo that asks nothing; without either it says what is missing.
set -euo pipefail

# A Debian release with 1.21 or newer; only its source is used, so that no newer library comes with it.
source_release=trixie
cache="${XDG_CACHE_HOME:-$HOME/.cache}/bearingwall/pgbouncer"

say() { printf 'pgbouncer: %s\n' "$*"; }

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        say "not installed: $* needs root"
        return 1
    fi
}

install_packages() {
    command -v apt-get >/dev/null || { say "no apt-get here: install $* by hand"; return 1; }
    # The package would start a service of its own; a policy that refuses is how Debian is told not to.
    local policy=/usr/sbin/policy-rc.d ours=no status=0
    if [[ ! -e $policy ]]; then
        ours=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    as_root apt-get update -q >/dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null || status=$?
    [[ $ours == no ]] || as_root rm -f "$policy"
    return "$status"
}

# Prints the version of a program, as 1.24.1, or nothing.
version() { "$1" --version 2>/dev/null | sed -n 's/^PgBouncer \([0-9.]*\).*/\1/p' | head -n 1; }

carries_named_statements() {
    local found major minor
    found=$(version "$1") && [[ -n $found ]] || return 1
    IFS=. read -r major minor _ <<<"$found"
    ((major > 1 || (major == 1 && minor >= 21)))
}

find_installed() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v pgbouncer; }

# apt with folders of its own, so that the machine's list of sources stays as it is.
private_apt() {
    local folder=$1
    shift
    apt-get -q -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=- \
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root "$@"
}

build() {
    local work mirror keyring directory found
    install_packages gcc libc6-dev make pkg-config libevent-dev dpkg-dev patch xz-utils
    # The mirror that this machine uses anyway, and Debian's own key.
    mirror=$(apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)' 'Created-By: Packages' |
        sed -n '/security/d; s/^Debian|//p' | head -n 1)
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [[ -n $mirror && -r $keyring ]] || { say "no Debian mirror is configured: cannot fetch the source"; return 1; }
    work=$(mktemp -d)
    # shellcheck disable=SC2064  # the folder is known now and not when the trap runs
    trap "rm -rf '$work'" RETURN
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$source_release" >"$work/sources.list"
    private_apt "$work" update >/dev/null
    (cd "$work" && private_apt "$work" source --download-only pgbouncer >/dev/null 2>&1 &&
        dpkg-source --no-check -x ./*.dsc source >/dev/null)
    # Loopback only: neither TLS nor another resolver is needed.
    (cd "$work/source" && ./configure --without-openssl --without-cares --without-pam >/dev/null 2>&1 &&
        make -j"$(nproc)" pgbouncer >/dev/null 2>&1)
    found=$(version "$work/source/pgbouncer")
    carries_named_statements "$work/source/pgbouncer" || { say "the source of $source_release built ${found:-nothing}"; return 1; }
    directory="$cache/$found"
    mkdir -p "$directory"
    install -m 755 "$work/source/pgbouncer" "$directory/pgbouncer.new"
    mv "$directory/pgbouncer.new" "$directory/pgbouncer"
}

mkdir -p "$cache"
find_installed >/dev/null || install_packages pgbouncer
installed=$(find_installed)
say "$(version "$installed") at $installed"
if ! carries_named_statements "$installed"; then
    built=$(find "$cache" -type f -name pgbouncer | sort -V | tail -n 1)
    if [[ -z $built ]] || ! carries_named_statements "$built"; then
        say "building one that carries named statements"
        build
        built=$(find "$cache" -type f -name pgbouncer | sort -V | tail -n 1)
    fi
    say "$(version "$built") at $built"
fi
