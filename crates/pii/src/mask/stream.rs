//! Masking a text that arrives in parts: the same bytes as for the whole, however it is cut.

use super::{Masked, MaskedText, Masker, Replacement};
use crate::engine::Buffers;
use crate::error::MaskError;
use crate::placeholders::Conversation;
use zeroize::Zeroize;

/// A text that is being masked. What is held back is at most the longest piece of the policy's [`crate::SegmentLimits`].
pub struct MaskStream<'m> {
    masker: &'m Masker,
    subject: Option<String>,
    buffer: String,
    buffers: Buffers,
    seen: usize,
    written: usize,
    failed: bool,
}

impl<'m> MaskStream<'m> {
    /// A stream that nothing has been pushed into.
    #[must_use]
    pub fn new(masker: &'m Masker, subject: Option<&str>) -> Self {
        Self {
            masker,
            subject: subject.map(str::to_owned),
            buffer: String::new(),
            buffers: Buffers::default(),
            seen: 0,
            written: 0,
            failed: false,
        }
    }

    /// Adds a part: what can be given on now.
    ///
    /// # Errors
    ///
    /// If a required recognizer fails. From then on every call fails.
    pub fn push(&mut self, part: &str, conversation: &mut Conversation) -> Result<Masked, MaskError> {
        self.hold(part);
        self.advance(conversation, false)
    }

    /// Ends the text: the rest of it.
    ///
    /// # Errors
    ///
    /// As [`MaskStream::push`].
    pub fn finish(mut self, conversation: &mut Conversation) -> Result<Masked, MaskError> {
        self.advance(conversation, true)
    }

    /// Adds to what is held. A string that grows leaves its old place as it was: that one is wiped.
    fn hold(&mut self, part: &str) {
        let len = self.buffer.len() + part.len();
        if len > self.buffer.capacity() {
            let mut larger = String::with_capacity(len * 2);
            larger.push_str(&self.buffer);
            self.buffer.zeroize();
            self.buffer = larger;
        }
        self.buffer.push_str(part);
    }

    fn advance(&mut self, conversation: &mut Conversation, last: bool) -> Result<Masked, MaskError> {
        if self.failed {
            return Err(MaskError::StreamFailed);
        }
        let limits = self.masker.engine.options().segments;
        let mut out = String::new();
        let mut replacements: Vec<Replacement> = Vec::new();
        let mut start = 0;
        while let Some(rest) = self.buffer.get(start..).filter(|rest| !rest.is_empty()) {
            let Some(end) = limits.cut(rest, last) else { break };
            let piece = rest.get(..end).unwrap_or(rest);
            let base = self.seen + start;
            let offset = self.written;
            let before = replacements.len();
            let done = self.masker.piece(
                piece,
                None,
                base,
                &mut self.buffers,
                conversation,
                self.subject.as_deref(),
                (&mut out, &mut replacements),
            );
            if let Err(error) = done {
                self.failed = true;
                return Err(error);
            }
            for replacement in replacements.iter_mut().skip(before) {
                replacement.masked = replacement.masked.start + offset..replacement.masked.end + offset;
            }
            start += end;
        }
        self.seen += start;
        self.written += out.len();
        self.buffer.drain(..start);
        Ok(Masked {
            text: MaskedText::from_masker(out),
            replacements,
        })
    }
}

impl Drop for MaskStream<'_> {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}
