//! The vocabulary of the record: every code that may stand in it, in one place.

/// What happened. The text is what stands in the record and in exports; it never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A client's record is created.
    ClientCreated,
    /// A client's record is read.
    ClientRead,
    /// A page of clients' records is read.
    ClientListed,
    /// A client's record is changed.
    ClientChanged,
    /// Clients are looked up by name, phone or e-mail.
    ClientSearched,
    /// Clients are imported.
    ClientImported,
    /// A chart note is written.
    NoteCreated,
    /// A chart note is read.
    NoteRead,
    /// The chart notes of a client are read.
    NoteListed,
    /// A chart note is changed.
    NoteChanged,
    /// Chart notes are imported.
    NoteImported,
    /// The access log of a client is read.
    AccessLogRead,
    /// A request with a proven identity is refused.
    RequestDenied,
    /// A request without a proven identity is refused.
    RequestUnauthenticated,
    /// A probe of tenant isolation reached another tenant's row.
    IsolationBreached,
    /// The schema is migrated.
    SchemaMigrated,
    /// A tenant is created.
    TenantCreated,
    /// A key is installed.
    KeyInstalled,
}

impl EventType {
    /// Every code.
    pub const ALL: [Self; 18] = [
        Self::ClientCreated,
        Self::ClientRead,
        Self::ClientListed,
        Self::ClientChanged,
        Self::ClientSearched,
        Self::ClientImported,
        Self::NoteCreated,
        Self::NoteRead,
        Self::NoteListed,
        Self::NoteChanged,
        Self::NoteImported,
        Self::AccessLogRead,
        Self::RequestDenied,
        Self::RequestUnauthenticated,
        Self::IsolationBreached,
        Self::SchemaMigrated,
        Self::TenantCreated,
        Self::KeyInstalled,
    ];

    /// The code in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientCreated => "client.created",
            Self::ClientRead => "client.read",
            Self::ClientListed => "client.listed",
            Self::ClientChanged => "client.changed",
            Self::ClientSearched => "client.searched",
            Self::ClientImported => "client.imported",
            Self::NoteCreated => "chart_note.created",
            Self::NoteRead => "chart_note.read",
            Self::NoteListed => "chart_note.listed",
            Self::NoteChanged => "chart_note.changed",
            Self::NoteImported => "chart_note.imported",
            Self::AccessLogRead => "access_log.read",
            Self::RequestDenied => "http.request.denied",
            Self::RequestUnauthenticated => "http.request.unauthenticated",
            Self::IsolationBreached => "isolation.breached",
            Self::SchemaMigrated => "schema.migrated",
            Self::TenantCreated => "tenant.created",
            Self::KeyInstalled => "key.installed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_of_the_shape_that_the_database_checks() {
        let codes: HashSet<&str> = EventType::ALL.iter().map(|event| event.as_str()).collect();
        assert_eq!(codes.len(), EventType::ALL.len());
        for code in codes {
            let parts: Vec<&str> = code.split('.').collect();
            assert!((2..=4).contains(&parts.len()), "{code}");
            assert!(
                parts
                    .iter()
                    .all(|part| part.starts_with(|c: char| c.is_ascii_lowercase())),
                "{code}"
            );
        }
    }
}
