//! Records and their fields from bytes, and the beginnings of records for parallel reading.
//!
//! The grammar, which the two functions share: a quote is one only as the first byte of a field;
//! inside of quotes everything is text but a quote (doubled, it stands for itself) and the escape;
//! outside, everything is text but the delimiter, the line feed and the escape. A carriage return
//! before the line feed that ends a record belongs to the line end. So the state at any byte
//! depends on what comes before it in the file, and [`boundaries`] follows it from the beginning,
//! looking only at quotes and escapes.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::Dialect;

/// One field of a record: where its text is, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte.
    pub(crate) start: usize,
    /// After the last byte.
    pub(crate) end: usize,
    /// It stood in quotes.
    pub(crate) quoted: bool,
    /// It has doubled quotes or escapes in it.
    pub(crate) marked: bool,
}

/// Why a record is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Text follows a closing quote: the byte is at this place.
    AfterQuote(usize),
    /// The quote at this place is never closed.
    Unclosed(usize),
    /// The quote at this place stands behind blanks that are to be taken off.
    AfterBlanks(usize),
}

/// What [`record`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A record; the next one begins at `next`.
    Record {
        /// Where the next record begins.
        next: usize,
        /// What is wrong with it, if anything.
        flaw: Option<Flaw>,
        /// Lines it takes.
        lines: u64,
    },
    /// The bytes end inside of the record.
    NeedMore,
}

/// Takes the record at the beginning of `buf` apart. `last` tells that no bytes follow `buf`.
///
/// `buf` must not be empty. A blank line is a record of one empty field.
pub(crate) fn record(buf: &[u8], last: bool, dialect: &Dialect, spans: &mut Vec<Span>) -> Found {
    spans.clear();
    let mut seen = Seen { flaw: None, breaks: 0 };
    let mut at = 0;
    loop {
        let first = buf.get(at).copied();
        let found = match (dialect.quote, first) {
            (Some(quote), Some(first)) if first == quote => {
                quoted(buf, at, last, quote, dialect, &mut seen)
            }
            (_, None) if !last => None,
            _ => {
                if dialect.escape.is_none()
                    && let Some(n) = memchr2(dialect.delimiter, b'\n', &buf[at..])
                    && buf[at + n] == dialect.delimiter
                {
                    // The usual field.
                    spans.push(Span { start: at, end: at + n, quoted: false, marked: false });
                    at += n + 1;
                    continue;
                }
                unquoted(buf, at, last, dialect, &mut seen)
            }
        };
        let Some((span, stop)) = found else { return Found::NeedMore };
        spans.push(span);
        let (flaw, lines) = (seen.flaw, seen.breaks + 1);
        match stop {
            Stop::Delimiter(place) => at = place + 1,
            Stop::Line(place) => return Found::Record { next: place + 1, flaw, lines },
            Stop::End => return Found::Record { next: buf.len(), flaw, lines },
        }
    }
}

/// What has been seen of a record beside its fields.
struct Seen {
    flaw: Option<Flaw>,
    /// Line ends inside of it.
    breaks: u64,
}

/// What a field ends at.
#[derive(Clone, Copy)]
enum Stop {
    Delimiter(usize),
    Line(usize),
    End,
}

fn unquoted(
    buf: &[u8],
    start: usize,
    last: bool,
    dialect: &Dialect,
    seen: &mut Seen,
) -> Option<(Span, Stop)> {
    let mut marked = false;
    let mut at = start;
    loop {
        let found = match dialect.escape {
            None => memchr2(dialect.delimiter, b'\n', &buf[at..]),
            Some(escape) => memchr3(dialect.delimiter, b'\n', escape, &buf[at..]),
        };
        let span = |end| Span { start, end, quoted: false, marked };
        let Some(place) = found.map(|n| at + n) else {
            return last.then(|| (span(buf.len()), Stop::End));
        };
        if buf[place] == dialect.delimiter {
            return Some((span(place), Stop::Delimiter(place)));
        }
        if buf[place] == b'\n' {
            // An escaped carriage return is text.
            let bare = place > at && buf[place - 1] == b'\r';
            return Some((span(if bare { place - 1 } else { place }), Stop::Line(place)));
        }
        marked = true;
        seen.breaks += u64::from(buf.get(place + 1) == Some(&b'\n'));
        at = place + 2;
        if at > buf.len() {
            // The escape is the very last byte: it stands for itself.
            let span = Span { start, end: buf.len(), quoted: false, marked };
            return last.then_some((span, Stop::End));
        }
    }
}

fn quoted(
    buf: &[u8],
    open: usize,
    last: bool,
    quote: u8,
    dialect: &Dialect,
    seen: &mut Seen,
) -> Option<(Span, Stop)> {
    let mut marked = false;
    let mut at = open + 1;
    let close = loop {
        let rest = buf.get(at..).unwrap_or_default();
        let found = match dialect.escape {
            None => memchr2(quote, b'\n', rest),
            Some(escape) => memchr3(quote, b'\n', escape, rest),
        };
        let Some(place) = found.map(|n| at + n) else {
            if !last {
                return None;
            }
            seen.flaw.get_or_insert(Flaw::Unclosed(open));
            let span = Span { start: open + 1, end: buf.len(), quoted: true, marked };
            return Some((span, Stop::End));
        };
        if buf[place] != quote {
            let escapes = Some(buf[place]) == dialect.escape;
            let line_end = if escapes { buf.get(place + 1) } else { Some(&buf[place]) };
            seen.breaks += u64::from(line_end == Some(&b'\n'));
            marked |= escapes;
            at = place + 1 + usize::from(escapes);
            continue;
        }
        match buf.get(place + 1) {
            Some(next) if *next == quote => {
                marked = true;
                at = place + 2;
            }
            None if !last => return None,
            _ => break place,
        }
    };
    let span = Span { start: open + 1, end: close, quoted: true, marked };
    let stop = match buf.get(close + 1) {
        None => Stop::End,
        Some(b'\n') => Stop::Line(close + 1),
        Some(byte) if *byte == dialect.delimiter => Stop::Delimiter(close + 1),
        Some(b'\r') if buf.get(close + 2) == Some(&b'\n') => Stop::Line(close + 2),
        Some(b'\r') if buf.len() == close + 2 => {
            if !last {
                return None;
            }
            Stop::End
        }
        Some(_) => {
            seen.flaw.get_or_insert(Flaw::AfterQuote(close + 1));
            return unquoted(buf, close + 1, last, dialect, seen)
                .map(|(rest, stop)| (Span { end: rest.end, ..span }, stop));
        }
    };
    Some((span, stop))
}

/// Appends a field's text, without the marks in it.
pub(crate) fn unmark(field: &[u8], quoted: bool, dialect: &Dialect, out: &mut Vec<u8>) {
    let quote = dialect.quote.filter(|_| quoted);
    let mut rest = field;
    loop {
        let found = match (quote, dialect.escape) {
            (Some(quote), Some(escape)) => memchr2(quote, escape, rest),
            (Some(mark), None) | (None, Some(mark)) => memchr(mark, rest),
            (None, None) => None,
        };
        let Some(place) = found else {
            out.extend_from_slice(rest);
            return;
        };
        out.extend_from_slice(&rest[..place]);
        match rest.get(place + 1) {
            Some(next) => out.push(*next),
            None => out.push(rest[place]),
        }
        rest = rest.get(place + 2..).unwrap_or_default();
    }
}

/// The state of the grammar between two chunks of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Inside,
    /// After a quote inside of quotes: doubled, or the closing one.
    Closing,
    /// After an escape, outside or inside.
    Escaped(bool),
}

/// Finds the beginnings of records at or after given places, in one pass over the bytes.
pub(crate) struct Boundaries<'a> {
    dialect: &'a Dialect,
    state: State,
    /// The byte before is the beginning of the file, a delimiter or a line end: a quote opens.
    opens: bool,
    offset: u64,
    lines: u64,
}

impl<'a> Boundaries<'a> {
    /// Begins at a record's beginning: byte `offset`, on line `line`.
    pub(crate) fn new(dialect: &'a Dialect, offset: u64, line: u64) -> Self {
        Self { dialect, state: State::Outside, opens: true, offset, lines: line }
    }

    /// Goes over more bytes up to the first beginning of a record at or after file offset
    /// `target`; gives that offset and its line.
    ///
    /// With `None` all of `chunk` has been consumed; otherwise the caller goes on with the bytes
    /// from the offset given.
    pub(crate) fn advance(&mut self, chunk: &[u8], target: u64) -> Option<(u64, u64)> {
        // Without line ends wanted yet, only quotes and escapes matter: that is fast.
        let near = usize::try_from(target.saturating_sub(self.offset + 1)).unwrap_or(usize::MAX);
        let near = near.min(chunk.len());
        self.pass(&chunk[..near]);
        let mut at = near;
        while at < chunk.len() {
            if self.state == State::Outside || self.state == State::Closing {
                // Up to the next line end or mark, whichever comes first.
                let rest = &chunk[at..];
                let line = memchr(b'\n', rest);
                let mark = self.next_mark(rest);
                match (line, mark) {
                    (Some(line), mark) if mark.is_none_or(|m| line < m) => {
                        self.pass(&rest[..=line]);
                        return Some((self.offset, self.lines));
                    }
                    (_, Some(mark)) => {
                        self.pass(&rest[..=mark]);
                        at += mark + 1;
                    }
                    _ => {
                        self.pass(rest);
                        return None;
                    }
                }
            } else {
                let rest = &chunk[at..];
                let step = self.next_mark(rest).map_or(rest.len(), |m| m + 1);
                let step = if matches!(self.state, State::Escaped(_)) { 1 } else { step };
                self.pass(&rest[..step]);
                at += step;
            }
        }
        None
    }

    fn next_mark(&self, bytes: &[u8]) -> Option<usize> {
        match (self.dialect.quote, self.dialect.escape) {
            (Some(quote), Some(escape)) => memchr2(quote, escape, bytes),
            (Some(mark), None) | (None, Some(mark)) => memchr(mark, bytes),
            (None, None) => None,
        }
    }

    /// Follows the state over `bytes`.
    fn pass(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.lines += memchr_iter(b'\n', bytes).count() as u64;
        self.offset += bytes.len() as u64;
        let ends = |byte: u8| byte == self.dialect.delimiter || byte == b'\n';
        let mut at = 0;
        // Whether a quote at `at` would open a field.
        let mut opens = self.opens;
        while at < bytes.len() {
            match self.state {
                State::Escaped(inside) => {
                    self.state = if inside { State::Inside } else { State::Outside };
                    opens = false;
                    at += 1;
                }
                State::Closing if Some(bytes[at]) == self.dialect.quote => {
                    self.state = State::Inside;
                    at += 1;
                }
                State::Closing => {
                    self.state = State::Outside;
                    opens = false;
                }
                State::Outside | State::Inside => {
                    let inside = self.state == State::Inside;
                    let Some(mark) = self.next_mark(&bytes[at..]).map(|n| at + n) else {
                        opens = !inside && ends(bytes[bytes.len() - 1]);
                        break;
                    };
                    if mark > at {
                        opens = !inside && ends(bytes[mark - 1]);
                    }
                    if Some(bytes[mark]) == self.dialect.escape {
                        self.state = State::Escaped(inside);
                    } else if inside {
                        self.state = State::Closing;
                    } else if opens {
                        self.state = State::Inside;
                    } else {
                        opens = false;
                    }
                    at = mark + 1;
                }
            }
        }
        self.opens = opens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dialect(escape: Option<u8>) -> Dialect {
        Dialect { delimiter: b',', quote: Some(b'"'), escape, ..Dialect::default() }
    }

    /// A record: its offset, fields (text, quoted) and flaw.
    type Taken = (usize, Vec<(Vec<u8>, bool)>, Option<Flaw>);

    fn all(bytes: &[u8], dialect: &Dialect) -> Vec<Taken> {
        let (mut at, mut out, mut spans) = (0, Vec::new(), Vec::new());
        while at < bytes.len() {
            let Found::Record { next, flaw, lines } =
                record(&bytes[at..], true, dialect, &mut spans)
            else {
                panic!("needs more of the last bytes");
            };
            // Each line end counts, and so does the end of the bytes where no line end comes first.
            let ends = memchr_iter(b'\n', &bytes[at..at + next]).count() as u64;
            assert!(lines == ends || (lines == ends + 1 && at + next == bytes.len()));
            let fields = spans
                .iter()
                .map(|s| {
                    let mut text = Vec::new();
                    let field = &bytes[at + s.start..at + s.end];
                    if s.marked {
                        unmark(field, s.quoted, dialect, &mut text);
                    } else {
                        text.extend_from_slice(field);
                    }
                    (text, s.quoted)
                })
                .collect();
            out.push((at, fields, flaw));
            at += next;
        }
        out
    }

    fn texts(bytes: &str, escape: Option<u8>) -> Vec<Vec<String>> {
        all(bytes.as_bytes(), &dialect(escape))
            .into_iter()
            .map(|(_, fields, _)| {
                fields.into_iter().map(|(t, _)| String::from_utf8(t).unwrap()).collect()
            })
            .collect()
    }

    #[test]
    fn quotes_doubled_quotes_line_breaks_and_line_ends() {
        assert_eq!(
            texts("a,\"b,\"\"c\"\"\r\nd\",\r\n\"\",e\n\n5\" pipe,x", None),
            vec![vec!["a", "b,\"c\"\r\nd", ""], vec!["", "e"], vec![""], vec!["5\" pipe", "x"],]
        );
        assert_eq!(texts("a,", None), vec![vec!["a", ""]]);
        assert_eq!(texts("\"a\"\r", None), vec![vec!["a"]]);
    }

    #[test]
    fn an_escape_makes_the_next_character_literal() {
        assert_eq!(
            texts("a\\,b,\"c\\\"d\\\\\",e\\\nf\n\\\"g,h\\", Some(b'\\')),
            vec![vec!["a,b", "c\"d\\", "e\nf"], vec!["\"g", "h\\"]]
        );
    }

    #[test]
    fn flaws_are_told_and_the_next_record_is_found() {
        let found = all(b"\"a\"b,c\nd,e\nf,\"g\nh", &dialect(None));
        assert_eq!(found[0].2, Some(Flaw::AfterQuote(3)));
        assert_eq!(found[1], (7, vec![(b"d".to_vec(), false), (b"e".to_vec(), false)], None));
        assert_eq!(found[2].2, Some(Flaw::Unclosed(2)));
    }

    #[test]
    fn a_cut_record_needs_more() {
        let text = b"a,\"b\"\"\nc\",d\r\nx";
        let mut spans = Vec::new();
        for cut in 1..13 {
            let found = record(&text[..cut], false, &dialect(None), &mut spans);
            assert_eq!(found, Found::NeedMore, "{cut}");
        }
        let whole = record(text, false, &dialect(None), &mut spans);
        assert_eq!(whole, Found::Record { next: 13, flaw: None, lines: 2 });
    }

    /// Bytes that are mostly marks, so that every state is met often.
    fn marks() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            Just(b'"'),
            Just(b','),
            Just(b'\n'),
            Just(b'\r'),
            Just(b'\\'),
            Just(b'a'),
            Just(b'b')
        ];
        proptest::collection::vec(byte, 0..60)
    }

    proptest! {
        /// Any cut of any bytes is at the beginning of a record as the tokenizer sees it, and the
        /// first such at or after the place wanted; lines are counted right; chunks do not matter.
        #[test]
        fn boundaries_are_where_the_tokenizer_begins_records(
            bytes in marks(),
            escape in any::<bool>(),
            target in 0usize..70,
            chunk in 1usize..9,
        ) {
            let dialect = dialect(escape.then_some(b'\\'));
            let starts: Vec<usize> = all(&bytes, &dialect).iter().map(|r| r.0).collect();
            let mut boundaries = Boundaries::new(&dialect, 0, 1);
            let mut found = None;
            for piece in bytes.chunks(chunk) {
                found = boundaries.advance(piece, target as u64);
                if found.is_some() {
                    break;
                }
            }
            let wanted = starts.iter().copied().find(|s| *s >= target.max(1));
            match (found, wanted) {
                (Some((offset, line)), Some(wanted)) => {
                    prop_assert_eq!(offset as usize, wanted);
                    let before = bytes[..wanted].iter().filter(|b| **b == b'\n').count();
                    prop_assert_eq!(line as usize, before + 1);
                }
                // A line end at the very end begins no record.
                (Some((offset, _)), None) => prop_assert_eq!(offset as usize, bytes.len()),
                (None, None) => {}
                (None, Some(wanted)) => prop_assert!(false, "missed {}", wanted),
            }
        }

        /// However the bytes are cut, the tokenizer asks for more until the record is whole.
        #[test]
        fn records_do_not_depend_on_where_the_buffer_ends(bytes in marks(), escape in any::<bool>()) {
            let dialect = dialect(escape.then_some(b'\\'));
            let mut spans = Vec::new();
            for (start, fields, flaw) in all(&bytes, &dialect) {
                let whole = &bytes[start..];
                for end in 1..whole.len() {
                    if let Found::Record { next, flaw: found, .. } =
                        record(&whole[..end], false, &dialect, &mut spans)
                    {
                        prop_assert_eq!(found, flaw);
                        prop_assert_eq!(spans.len(), fields.len());
                        prop_assert!(next <= end);
                    }
                }
            }
        }
    }
}
