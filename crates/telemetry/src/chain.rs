//! One text for an error and all its causes, for the one place that logs it.

use std::error::Error;

/// More causes than any sound error has; a chain that bites its own tail ends here.
const MAX_CAUSES: usize = 16;

/// The error and its causes, outermost first, joined by `: `.
///
/// Log it under the field `error`: the log and the trace scrub that field's text.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(next) = cause else { break };
        let more = next.to_string();
        // An error that is transparent, or that repeats its cause, is told once.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the client")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Middle(std::io::Error);

    #[test]
    fn every_cause_is_told_once() {
        let error = Outer(Middle(std::io::Error::other("connection closed")));
        assert_eq!(error_chain(&error), "cannot read the client: connection closed");
    }
}
