//! The header row: which column stands where.

use crate::error::DomainError;

/// The names of a file's columns that have not been claimed yet.
pub(crate) struct Header {
    names: Vec<Option<String>>,
}

impl Header {
    /// Reads the names; two that differ only in case are a mistake that would swap people's data.
    pub(crate) fn new(cells: Vec<String>) -> Result<Self, DomainError> {
        let mut seen = Vec::with_capacity(cells.len());
        for name in &cells {
            let folded = name.trim().to_lowercase();
            if folded.is_empty() {
                return Err(DomainError::Header {
                    reason: "a column of the file has no name",
                });
            }
            if seen.contains(&folded) {
                return Err(DomainError::Header {
                    reason: "two columns of the file have the same name",
                });
            }
            seen.push(folded);
        }
        Ok(Self {
            names: cells.into_iter().map(|name| Some(name.trim().to_owned())).collect(),
        })
    }

    /// Claims a column that may be there.
    pub(crate) fn optional(&mut self, name: &str) -> Option<usize> {
        let is = |have: &Option<String>| have.as_ref().is_some_and(|have| have.to_lowercase() == name);
        let position = self.names.iter().position(is)?;
        if let Some(claimed) = self.names.get_mut(position) {
            *claimed = None;
        }
        Some(position)
    }

    /// Claims a column that must be there.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<usize, DomainError> {
        self.optional(name).ok_or(DomainError::MissingColumn { column: name })
    }

    /// The columns that nobody claimed, with their names as written.
    pub(crate) fn rest(self) -> Vec<(usize, String)> {
        self.names
            .into_iter()
            .enumerate()
            .filter_map(|(position, name)| Some((position, name?)))
            .collect()
    }
}

/// The cells of one row, each taken once.
pub(crate) struct Cells(pub(crate) Vec<String>);

impl Cells {
    pub(crate) fn take(&mut self, position: usize) -> String {
        self.0.get_mut(position).map(std::mem::take).unwrap_or_default()
    }

    pub(crate) fn take_optional(&mut self, position: Option<usize>) -> Option<String> {
        position
            .map(|position| self.take(position))
            .filter(|text| !text.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Result<Header, DomainError> {
        Header::new(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn columns_are_found_in_any_case_and_order() {
        let mut columns = header(&["Body", " External_ID ", "Extra"]).unwrap();
        assert_eq!(columns.required("external_id").unwrap(), 1);
        assert_eq!(columns.required("body").unwrap(), 0);
        assert!(matches!(
            columns.required("author"),
            Err(DomainError::MissingColumn { column: "author" })
        ));
        assert_eq!(columns.rest(), [(2, "Extra".to_owned())]);
    }

    #[test]
    fn nameless_and_doubled_columns_are_refused() {
        assert!(header(&["a", ""]).is_err());
        assert!(header(&["a", "A "]).is_err());
    }
}
