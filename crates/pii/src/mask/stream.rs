//! Masking a text that arrives in parts: the same bytes as for the whole, however it is cut.

use super::{Masked, MaskedText, Masker, Replacement};
use crate::engine::Buffers;
use crate::error::MaskError;
use crate::placeholders::Conversation;
use crate::segment::done_with;
use zeroize::Zeroize;

/// A text that is being masked. What is held back is at most the longest piece of the policy's [`crate::SegmentLimits`] and
/// a little of what stands around it.
pub struct MaskStream<'m> {
    masker: &'m Masker,
    subject: Option<String>,
    /// What was not given on, and before it what the next piece is read with.
    buffer: String,
    /// Where in the buffer the next piece begins.
    start: usize,
    buffers: Buffers,
    /// Where in the text the buffer begins.
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
            start: 0,
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
        let mut out = String::new();
        let mut replacements: Vec<Replacement> = Vec::new();
        loop {
            let next = (self.buffer.as_str(), self.start, last);
            let piece = match self.masker.piece(next, None, &mut self.buffers, conversation) {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            };
            self.start = piece.range.end;
            let written = self.masker.write(
                &self.buffer,
                piece,
                self.seen,
                conversation,
                self.subject.as_deref(),
                (&mut out, &mut replacements),
            );
            if let Err(error) = written {
                self.failed = true;
                return Err(error);
            }
        }
        for replacement in &mut replacements {
            replacement.masked = replacement.masked.start + self.written..replacement.masked.end + self.written;
        }
        self.written += out.len();
        let done = done_with(&self.buffer, self.start);
        self.buffer.drain(..done);
        self.seen += done;
        self.start -= done;
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
