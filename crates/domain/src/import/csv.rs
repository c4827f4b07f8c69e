//! RFC 4180, strictly and in pieces: cuts a stream of bytes into rows and says on which physical line each begins.
//!
//! Not one of the usual parsers, because they accept text after a closing quote: one quote too many then merges the
//! rows of two people into one, unnoticed. Here such a row is refused, and reading resumes on the next line.

/// A row at the most.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// Cells of a header row at the most.
const HEADER_CELLS_MAX: usize = 128;
const BOM: &[u8] = b"\xef\xbb\xbf";

const TOO_LONG: &str = "the row is longer than 65536 bytes, or a quote is not closed";
const TOO_WIDE: &str = "the row has another number of cells than the header";
const STRAY_TEXT: &str = "text follows a closing quote";
const UNCLOSED: &str = "a quote is not closed";
const NOT_TEXT: &str = "the row is not UTF-8 text";

/// The reason as it is said of a header, which has no other row to be compared with.
pub(crate) fn of_header(reason: &'static str) -> &'static str {
    if reason == TOO_WIDE {
        "the file has more than 128 columns"
    } else {
        reason
    }
}

/// A row, or why it cannot be read.
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) cells: Result<Vec<String>, &'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing of the cell has been read.
    Start,
    /// In a cell without quotes, in which a quote is a character like any other.
    Bare,
    /// In a quoted cell.
    Quoted,
    /// After a quote in a quoted cell: its end, or the first half of a quoted quote.
    Closing,
}

/// What scanning came to.
enum Scan {
    /// More bytes are needed.
    More,
    /// A row ends before this position of the buffer, and the next begins at that one.
    Row(usize, usize),
    /// The row that begins here cannot be read.
    Malformed(&'static str),
}

/// Cuts rows. What has not become a row stays in the buffer, which never holds more than one row beyond the last piece.
pub(crate) struct Splitter {
    buffer: Vec<u8>,
    /// Where the current row begins in the buffer.
    start: usize,
    /// How far it has been looked at.
    scanned: usize,
    state: State,
    cells: usize,
    cells_max: usize,
    line: u64,
    /// The line ended in a carriage return: a line feed that follows belongs to it.
    line_feed_follows: bool,
    /// The rest of a physical line is thrown away.
    skipping_line: bool,
    at_file_start: bool,
}

impl Splitter {
    pub(crate) const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            state: State::Start,
            cells: 1,
            cells_max: HEADER_CELLS_MAX,
            line: 1,
            line_feed_follows: false,
            skipping_line: false,
            at_file_start: true,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many cells a row has from now on. A wider one is refused where it exceeds them: that also bounds how often
    /// the same bytes are read again.
    pub(crate) const fn expect_cells(&mut self, cells: usize) {
        self.cells_max = cells;
    }

    /// The next row; `None` when more bytes are needed or, at the end, when there are none left. Blank lines are no rows.
    pub(crate) fn next_row(&mut self, at_end: bool) -> Option<Row> {
        while self.ready(at_end) {
            let line = self.line;
            match self.scan(at_end) {
                Scan::More => break,
                Scan::Row(end, next) => {
                    let raw = self.buffer.get(self.start..end).unwrap_or_default();
                    let row = (!raw.is_empty()).then(|| Row {
                        line,
                        cells: decode(raw),
                    });
                    self.advance(next);
                    if row.is_some() {
                        return row;
                    }
                }
                Scan::Malformed(reason) => {
                    self.resume_on_next_line();
                    return Some(Row {
                        line,
                        cells: Err(reason),
                    });
                }
            }
        }
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        None
    }

    /// Gets rid of what goes ahead of a row; `false` when nothing is left.
    fn ready(&mut self, at_end: bool) -> bool {
        if self.at_file_start {
            let begin = self.buffer.get(..BOM.len().min(self.buffer.len())).unwrap_or_default();
            if begin.len() < BOM.len() && BOM.starts_with(begin) && !at_end {
                return false;
            }
            self.at_file_start = false;
            if begin == BOM {
                (self.start, self.scanned) = (BOM.len(), BOM.len());
            }
        }
        if self.line_feed_follows && self.start < self.buffer.len() {
            self.line_feed_follows = false;
            if self.buffer.get(self.start) == Some(&b'\n') {
                self.start += 1;
                self.scanned = self.scanned.max(self.start);
            }
        }
        if self.skipping_line {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                Some(offset) => self.skip_past(self.start + offset),
                None => (self.start, self.scanned) = (self.buffer.len(), self.buffer.len()),
            }
            return !self.skipping_line && self.ready(at_end);
        }
        self.start < self.buffer.len()
    }

    fn scan(&mut self, at_end: bool) -> Scan {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            self.state = match (self.state, byte) {
                (State::Start | State::Bare | State::Closing, b'\n' | b'\r') => {
                    return Scan::Row(self.scanned, self.scanned + 1);
                }
                _ if self.scanned - self.start >= ROW_BYTES_MAX => return Scan::Malformed(TOO_LONG),
                (State::Start | State::Bare | State::Closing, b',') => {
                    self.cells += 1;
                    if self.cells > self.cells_max {
                        return Scan::Malformed(TOO_WIDE);
                    }
                    State::Start
                }
                (State::Start, b'"') | (State::Closing, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::Closing,
                (State::Closing, _) => return Scan::Malformed(STRAY_TEXT),
                (State::Quoted, _) => State::Quoted,
                (State::Start | State::Bare, _) => State::Bare,
            };
            self.scanned += 1;
        }
        match self.state {
            _ if !at_end => Scan::More,
            State::Quoted => Scan::Malformed(UNCLOSED),
            _ => Scan::Row(self.scanned, self.scanned),
        }
    }

    /// Goes on at `next`, behind the row and its line's end.
    fn advance(&mut self, next: usize) {
        let passed = self.buffer.get(self.start..next).unwrap_or_default();
        let feeds = passed.iter().filter(|byte| **byte == b'\n').count();
        let returns = passed
            .iter()
            .zip(passed.iter().skip(1).chain([&0]))
            .filter(|(a, b)| **a == b'\r' && **b != b'\n');
        self.line += (feeds + returns.count()) as u64;
        self.line_feed_follows = passed.last() == Some(&b'\r');
        self.restart(next);
    }

    fn restart(&mut self, at: usize) {
        self.start = at;
        self.scanned = at;
        self.state = State::Start;
        self.cells = 1;
    }

    /// The first physical line of a row that cannot be read is lost; the next may be somebody's whole row.
    fn resume_on_next_line(&mut self) {
        let row = self.buffer.get(self.start..).unwrap_or_default();
        match row.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(offset) => self.skip_past(self.start + offset),
            None => {
                self.restart(self.buffer.len());
                self.skipping_line = true;
            }
        }
    }

    fn skip_past(&mut self, line_end: usize) {
        self.skipping_line = false;
        self.line += 1;
        self.line_feed_follows = self.buffer.get(line_end) == Some(&b'\r');
        self.restart(line_end + 1);
    }
}

/// The cells of a row that has been scanned: quotes are balanced and stand where they may.
fn decode(raw: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut cells = Vec::new();
    let mut cell = Vec::new();
    let mut state = State::Start;
    for &byte in raw {
        state = match (state, byte) {
            (State::Start | State::Bare | State::Closing, b',') => {
                cells.push(std::mem::take(&mut cell));
                State::Start
            }
            (State::Start, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::Closing,
            (State::Quoted | State::Closing, _) => {
                cell.push(byte);
                State::Quoted
            }
            (State::Start | State::Bare, _) => {
                cell.push(byte);
                State::Bare
            }
        };
    }
    cells.push(cell);
    cells
        .into_iter()
        .map(|cell| String::from_utf8(cell).map_err(|_| NOT_TEXT))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Shown = (u64, Result<Vec<String>, &'static str>);

    /// Splits `text`, pushed in pieces that end at `cuts`.
    fn rows(text: &[u8], cuts: &[usize], cells: usize) -> Vec<Shown> {
        let mut splitter = Splitter::new();
        splitter.expect_cells(cells);
        let mut found = Vec::new();
        let mut from = 0;
        for &cut in cuts.iter().chain([&text.len()]) {
            splitter.push(&text[from..cut]);
            from = cut;
            while let Some(row) = splitter.next_row(false) {
                found.push((row.line, row.cells));
            }
        }
        while let Some(row) = splitter.next_row(true) {
            found.push((row.line, row.cells));
        }
        found
    }

    fn ok(line: u64, cells: &[&str]) -> Shown {
        (line, Ok(cells.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn rows_begin_on_their_physical_line_whatever_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "a,b\n\n1,\"two\nlines\"\n\n\n3,4".replace('\n', end);
            let two_lines = format!("two{end}lines");
            let expected = [ok(1, &["a", "b"]), ok(3, &["1", &two_lines]), ok(7, &["3", "4"])];
            assert_eq!(rows(text.as_bytes(), &[], 9), expected, "{end:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_header() {
        assert_eq!(rows(b"\xef\xbb\xbfa,b\n", &[1, 2], 9), [ok(1, &["a", "b"])]);
        assert_eq!(rows(b"\xef\xbb", &[], 9), [(1, Err(NOT_TEXT))]);
    }

    #[test]
    fn quotes_follow_rfc_4180_and_stand_for_themselves_in_a_bare_cell() {
        let text = b"\"a \"\"b\"\"\",\"\",5\" scar\n,\"x\"\n";
        assert_eq!(
            rows(text, &[], 9),
            [ok(1, &["a \"b\"", "", "5\" scar"]), ok(2, &["", "x"])]
        );
    }

    #[test]
    fn an_open_quote_costs_its_own_line_only() {
        let text = b"1,\"open\n2,\"b\"\n3,c\n";
        assert_eq!(
            rows(text, &[], 9),
            [(1, Err(STRAY_TEXT)), ok(2, &["2", "b"]), ok(3, &["3", "c"])]
        );
        let text = b"1,\"open\n2,b\n3,c";
        assert_eq!(
            rows(text, &[], 9),
            [(1, Err(UNCLOSED)), ok(2, &["2", "b"]), ok(3, &["3", "c"])]
        );
    }

    #[test]
    fn a_row_that_is_too_long_or_too_wide_costs_its_own_line_only() {
        let mut text = vec![b'x'; ROW_BYTES_MAX + 1];
        text.extend_from_slice(b",y\r\n1,2\n");
        assert_eq!(rows(&text, &[], 9), [(1, Err(TOO_LONG)), ok(2, &["1", "2"])]);
        let mut text = vec![b'x'; ROW_BYTES_MAX];
        text.extend_from_slice(b"\n1,2\n");
        assert_eq!(rows(&text, &[], 9)[1], ok(2, &["1", "2"]));
        assert!(rows(&text, &[], 9)[0].1.is_ok());
        let mut text = b"1,\"open\n".to_vec();
        text.extend(b"2,two\n".repeat(ROW_BYTES_MAX / 6 + 1));
        let found = rows(&text, &[], 9);
        assert_eq!(found[0], (1, Err(TOO_LONG)));
        assert_eq!(found.len(), ROW_BYTES_MAX / 6 + 2);
        assert!(found[1..].iter().all(|row| row.1.is_ok()));
        assert_eq!(rows(b"1,2,3\n1,2\n", &[], 2), [(1, Err(TOO_WIDE)), ok(2, &["1", "2"])]);
    }

    #[test]
    fn lines_made_to_be_read_again_and_again_cost_little() {
        let text = b"a\",\"\n".repeat(200_000);
        let started = std::time::Instant::now();
        assert!(!rows(&text, &[], 5).is_empty());
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(rows(b"a,\xff\nb,c\n", &[], 9), [(1, Err(NOT_TEXT)), ok(2, &["b", "c"])]);
    }

    fn file() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec!["a", "\"", ",", "\n", "\r", "\r\n", "\"\"", "é", "\u{feff}", " "]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_rows(text in file(), cut in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let mut cuts: Vec<usize> = cut.iter().map(|at| at.index(text.len() + 1)).collect();
            cuts.sort_unstable();
            let whole = rows(&text, &[], 3);
            prop_assert_eq!(&rows(&text, &cuts, 3), &whole);
            let every: Vec<usize> = (0..text.len()).collect();
            prop_assert_eq!(&rows(&text, &every, 3), &whole);
        }

        #[test]
        fn what_the_csv_crate_writes_is_read_back(records in prop::collection::vec(prop::collection::vec("[a\", \n\ré]{0,6}", 2..=2), 1..6)) {
            let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
            for record in &records {
                writer.write_record(record).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = rows(&text, &[], 2).into_iter().map(|row| row.1.unwrap()).collect();
            prop_assert_eq!(read, records);
        }
    }
}
