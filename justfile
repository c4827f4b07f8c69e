# Each recipe is one command that also works without just.

# The checks that need no database.
check:
    cargo clippy --workspace --all-targets --locked -- -D warnings

fmt:
    cargo fmt --all

test:
    cargo test --workspace --locked

# PgBouncer, a hot standby, Keycloak and oidc-provider; `.ci/pgbouncer.sh` and `.ci/identity.sh` provide what is missing.
interop:
    cargo test -p bearingwall-interop --locked

demo *arguments:
    cargo demo {{arguments}}

demo-check:
    cargo demo -- --check

layers:
    cargo xtask layers

tidy:
    cargo xtask tidy

controls:
    cargo xtask controls

vectors dir="../shared/vectors":
    cargo xtask vectors --dir {{dir}}

bench:
    cargo bench -p bearingwall-http

deny:
    cargo deny --locked check

doc:
    cargo doc --workspace --no-deps --locked

# Everything that continuous integration runs.
ci:
    .ci/run
