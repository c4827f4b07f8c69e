//! An attack as data: what is sent, and what would show that it succeeded.

/// One move of the attacker, who has entered tenant A and holds a transaction open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Any SQL, as one message of the simple protocol.
    Sql(&'static str),
    /// A query whose answers are statements: each is sent inside a savepoint of its own.
    Each(&'static str),
    /// `COPY … TO STDOUT`.
    CopyOut(&'static str),
    /// What tenant B does meanwhile, legitimately, on a connection of its own.
    AsB(&'static str),
    /// The same, with a secret of B for a bind parameter.
    AsBBound(&'static str),
}

/// The facts that decide whether an attack succeeded.
///
/// Whatever is declared here, a secret of B in anything the server said, or a change to B's rows or to the catalog, counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judge {
    /// A secret of tenant B, or a key of the database, stands in what the server said.
    Reads,
    /// The answers to the right and to the wrong value of `{guess}` differ.
    Infers([&'static str; 2]),
    /// An answer is this text.
    Answers(&'static str),
    /// An answer is what the superuser is told by this query.
    Counts(&'static str),
    /// No statement was refused.
    Allows,
    /// Tenant B cannot do this any more.
    Stops(&'static str),
    /// On one pooled connection, tenant B gets another answer to this query than before the attack.
    Survives(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attack {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
    pub(crate) judge: Judge,
    /// SQLSTATEs that refuse this attack on purpose, besides 28000 and 42501.
    pub(crate) by: &'static [&'static str],
    /// What of `residuals.rs` explains a success that PostgreSQL leaves no way to prevent.
    pub(crate) residual: Option<&'static str>,
    /// Not in the tutorial's schema, which has nothing of the kind.
    pub(crate) ours_only: bool,
    /// Rolled back rather than committed: its effect would reach past this database.
    pub(crate) undone: bool,
    /// By the worker's login, which enters nothing beforehand.
    pub(crate) as_worker: bool,
    pub(crate) note: &'static str,
}

impl Attack {
    pub(crate) const fn new(id: &'static str, name: &'static str, steps: &'static [Step]) -> Self {
        Self {
            id,
            name,
            steps,
            judge: Judge::Reads,
            by: &[],
            residual: None,
            ours_only: false,
            undone: false,
            as_worker: false,
            note: "",
        }
    }

    pub(crate) const fn judge(mut self, judge: Judge) -> Self {
        self.judge = judge;
        self
    }

    pub(crate) const fn by(mut self, codes: &'static [&'static str]) -> Self {
        self.by = codes;
        self
    }

    pub(crate) const fn residual(mut self, key: &'static str) -> Self {
        self.residual = Some(key);
        self
    }

    pub(crate) const fn ours(mut self) -> Self {
        self.ours_only = true;
        self
    }

    pub(crate) const fn undone(mut self) -> Self {
        self.undone = true;
        self
    }

    pub(crate) const fn worker(mut self) -> Self {
        self.as_worker = true;
        self.ours()
    }

    pub(crate) const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    pub(crate) fn family(&self) -> &'static str {
        match self.id.as_bytes().first() {
            Some(b'F') => "forge the context",
            Some(b'R') => "switch row security off",
            Some(b'V') => "go around it",
            Some(b'W') => "write across",
            Some(b'O') => "ask the constraints",
            Some(b'S') => "ask the statistics",
            Some(b'G') => "global channels",
            Some(b'X') => "leave something behind",
            Some(b'P') => "old server",
            Some(b'L') => "enter by another door",
            _ => panic!("{} belongs to no family", self.id),
        }
    }
}
