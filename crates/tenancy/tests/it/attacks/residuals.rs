//! What remains possible, because PostgreSQL leaves no way to prevent it, and what an operator does about each.

/// A reason that an attack may name for its success.
pub(crate) struct Residual {
    pub(crate) key: &'static str,
    pub(crate) lines: &'static [&'static str],
}

pub(crate) const RESIDUALS: &[Residual] = &[
    Residual {
        key: "replay",
        lines: &[
            "A token of B that somebody has captured enters B again, on the backend that it was made for and until it expires.",
            "Behind a transaction-mode pooler, where entries name no backend, it does so on any connection of the application.",
            "A token lives for 30 seconds as the server signs it, for two minutes at the most, and is a bind parameter, which no other session sees.",
            "Whoever captures one already reads the server's memory or its connection.",
            "An operator encrypts the connection to the database, leaves `require_pid` on, and sets `log_parameter_max_length` to 0, which the inventory asks for.",
        ],
    },
    Residual {
        key: "ticket-replay",
        lines: &[
            "In the split-key profile, a ticket that `tenancy.login` made for B's own caller enters B on any connection of the application until it expires.",
            "It lives for 60 seconds at the most and never longer than the caller's token and its issuer's leeway, and it is a bind parameter, which no other session sees.",
            "Whoever captures one already reads the server's memory or its connection.",
            "An operator keeps access tokens short-lived and encrypts the connection to the database.",
        ],
    },
    Residual {
        key: "carry",
        lines: &[
            "Several transactions that arrive in one message of the simple protocol begin at the same instant, and one's own seal holds in each of them.",
            "It is the same tenant, actor and request, on the same connection: nothing of another tenant is reached.",
            "The pool sends BEGIN and the entry in messages of their own, so that only somebody who holds the login's password gets there.",
            "The platform hardening closes it.",
        ],
    },
    Residual {
        key: "own-role",
        lines: &[
            "Any role may store settings on itself and change its own password; no privilege and no event trigger exists for it.",
            "A stored setting is beaten by the start-up options of the server's connections, and is found by the start-up check and by doctor.",
            "A changed password keeps the server out until an operator sets it again.",
            "An operator lets the application log in by certificate, peer or token instead of a password.",
        ],
    },
    Residual {
        key: "cheap-conditions",
        lines: &[
            "A condition that costs the planner nothing runs ahead of every policy, and EXPLAIN ANALYZE counts what it removed.",
            "It tells, for one physical row and not whose it is, whether a nullable column is NULL, and whether a column of type `boolean`, `integer` or `text` holds a guessed value.",
            "Identifiers, digests and encrypted payloads are `uuid` and `bytea`, for which no such condition exists.",
            "An operator keeps what describes a person in encrypted columns, and codes of personal meaning out of `boolean`, `integer` and `text` columns.",
        ],
    },
    Residual {
        key: "table-counts",
        lines: &[
            "The catalog and the executor's counters tell how many rows and bytes whole tables have, over all tenants together.",
            "Nothing tells how they divide among tenants.",
            "An operator who must hide even the total gives that tenant a database of its own.",
        ],
    },
    Residual {
        key: "query-text",
        lines: &[
            "All connections of the application are one role, and a role sees the running statements and the locks of its own sessions.",
            "The crate sends every value as a bind parameter, which is not shown; only statements that somebody writes with literals show them.",
            "The platform hardening takes the views and functions away.",
            "Without it, an operator reviews that no statement is put together from values.",
        ],
    },
    Residual {
        key: "notify",
        lines: &[
            "NOTIFY and LISTEN have no access control: every session of the database hears every payload.",
            "Nothing in this workspace uses them.",
            "An operator, and every embedder, never puts a tenant's data into a payload.",
        ],
    },
    Residual {
        key: "large-objects",
        lines: &[
            "Large objects belong to a role and know no row security, so every session of the application reads and removes those of every other.",
            "Nothing in this workspace uses them.",
            "The platform hardening takes their functions away.",
        ],
    },
    Residual {
        key: "signals",
        lines: &[
            "A role may cancel the statements and end the sessions of its own role, and all of the application's connections are one role.",
            "The request that was hit fails; nothing is read or changed.",
            "The platform hardening takes the functions away.",
        ],
    },
    Residual {
        key: "locks",
        lines: &[
            "Whoever may write to a table may lock it, and advisory locks know no owner: a hostile statement makes the other tenants wait.",
            "The statement timeout ends what waits, and the idle timeout what holds, unless the attacker turns its own off.",
            "An operator watches `pg_locks` for waiting sessions and ends the one that blocks.",
        ],
    },
    Residual {
        key: "resources",
        lines: &[
            "Timeouts and memory limits are settings of the session, and the session may change them.",
            "A hostile statement can use processor time and memory until an operator ends it.",
            "An operator limits the database's memory and processor share outside of PostgreSQL, and alerts on statements that run longer than the server's timeout.",
        ],
    },
    Residual {
        key: "setting-names",
        lines: &[
            "The name of a setting that a session has made up stays until the connection closes; its value is cleared.",
            "It is one bit from a hostile statement to a later hostile statement of another tenant on the same connection, and carries nothing that the first one was not allowed to read.",
            "An operator who must close it lets connections live for a single use.",
        ],
    },
];
