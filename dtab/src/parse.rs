//! The grammar of paths, trees and tables.
//!
//! One symbol always decides what comes next, so that the first error is the only one possible and its text can be the
//! reference's. Source: finagle `NameTreeParsers`, and its whitespace, `java.lang.Character.isWhitespace`.

mod error;

use std::ops::Range;

use nom::bytes::complete::{take_till, take_while, take_while1};
use nom::character::complete::{char, satisfy};
use nom::combinator::{eof, opt};
use nom::error::context;
use nom::{IResult, Parser};

pub use self::error::ParseError;
use self::error::Unexpected;
pub(crate) use self::error::{clamp, line_column};
use crate::dentry::{Dentry, Elem, Prefix};
use crate::name_tree::{NameTree, Weighted};
use crate::path::Path;
use crate::segment::{Segment, is_showable};

/// How deeply parentheses may nest. The reference has no limit, and runs out of stack.
pub const MAX_NESTING: usize = 100;

type Parsed<'a, T> = IResult<&'a str, T, Unexpected<'a>>;

pub(crate) fn path(source: &str) -> Result<Path, ParseError> {
    whole(source, |_, input| path_text(input)).map(|(path, _)| path)
}

pub(crate) fn prefix(source: &str) -> Result<Prefix, ParseError> {
    whole(source, |_, input| prefix_text(input)).map(|(prefix, _)| prefix)
}

pub(crate) fn tree(source: &str) -> Result<NameTree<Path>, ParseError> {
    whole(source, Notes::tree).map(|(tree, _)| tree)
}

pub(crate) fn dentry(source: &str) -> Result<Dentry, ParseError> {
    whole(source, Notes::dentry).map(|(dentry, _)| dentry)
}

pub(crate) fn dtab(source: &str) -> Result<Vec<Dentry>, ParseError> {
    whole(source, Notes::dtab).map(|(dentries, _)| dentries)
}

/// A table, with what the linter wants to know about its text.
pub(crate) fn annotated_dtab(source: &str) -> Result<(Vec<Dentry>, Notes), ParseError> {
    whole(source, Notes::dtab)
}

/// What the text says beyond what the values keep. Spans are byte ranges of the source.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    source_len: usize,
    nesting: usize,
    /// Where the last symbol of a tree ended, which is before the space and comments behind it.
    end: usize,
    /// Of each rule, in order.
    pub(crate) dentries: Vec<DentrySpans>,
    /// Weights that say something odd.
    pub(crate) weights: Vec<WeightNote>,
}

#[derive(Debug, Default)]
pub(crate) struct DentrySpans {
    pub(crate) whole: Range<usize>,
    pub(crate) prefix: Range<usize>,
    /// Of each path on the right side, in order of appearance.
    pub(crate) leaves: Vec<Range<usize>>,
}

#[derive(Debug)]
pub(crate) struct WeightNote {
    pub(crate) span: Range<usize>,
    /// Without a sibling: the grammar discards it. With one, the weight is zero.
    pub(crate) is_lone: bool,
}

fn whole<'a, T>(
    source: &'a str,
    rule: impl FnOnce(&mut Notes, &'a str) -> Parsed<'a, T>,
) -> Result<(T, Notes), ParseError> {
    let mut notes = Notes {
        source_len: source.len(),
        ..Notes::default()
    };
    let outcome = rule(&mut notes, source).and_then(|(rest, value)| {
        let (rest, ()) = space(rest)?;
        context("end of input", eof).parse(rest).map(|_| value)
    });
    match outcome {
        Ok(value) => Ok((value, notes)),
        Err(nom::Err::Error(unexpected) | nom::Err::Failure(unexpected)) => {
            Err(ParseError::new(source, unexpected))
        }
        Err(nom::Err::Incomplete(_)) => unreachable!("complete parsers never ask for more"),
    }
}

impl Notes {
    fn dtab<'a>(&mut self, mut input: &'a str) -> Parsed<'a, Vec<Dentry>> {
        let mut dentries = Vec::new();
        loop {
            (input, ()) = space(input)?;
            if input.is_empty() {
                return Ok((input, dentries));
            }
            let dentry;
            (input, dentry) = self.dentry(input)?;
            dentries.push(dentry);
            (input, ()) = space(input)?;
            let semicolon;
            (input, semicolon) = opt(char(';')).parse(input)?;
            if semicolon.is_none() {
                return Ok((input, dentries));
            }
        }
    }

    fn dentry<'a>(&mut self, input: &'a str) -> Parsed<'a, Dentry> {
        let (start, ()) = space(input)?;
        let (input, prefix) = prefix_text(start)?;
        let prefix_span = self.span(start, input);
        self.dentries.push(DentrySpans {
            prefix: prefix_span,
            ..DentrySpans::default()
        });
        let (input, ()) = space(input)?;
        let (input, _) = (char('='), char('>')).parse(input)?;
        let (input, dst) = self.tree(input)?;
        let end = self.end;
        if let Some(spans) = self.dentries.last_mut() {
            spans.whole = spans.prefix.start..end;
        }
        Ok((input, Dentry { prefix, dst }))
    }

    // Most trees are one leaf: it gets by without a vector.
    fn tree<'a>(&mut self, input: &'a str) -> Parsed<'a, NameTree<Path>> {
        let (input, first) = self.union(input)?;
        let (mut input, mut bar) = operator('|', input)?;
        if bar.is_none() {
            return Ok((input, first));
        }
        let mut trees = vec![first];
        while bar.is_some() {
            let tree;
            (input, tree) = self.union(input)?;
            trees.push(tree);
            (input, bar) = operator('|', input)?;
        }
        Ok((input, NameTree::Alt(trees)))
    }

    fn union<'a>(&mut self, input: &'a str) -> Parsed<'a, NameTree<Path>> {
        let (input, (first, span)) = self.weighted(input)?;
        let (mut input, mut ampersand) = operator('&', input)?;
        if ampersand.is_none() {
            self.weights.extend(span.map(|span| WeightNote {
                span,
                is_lone: true,
            }));
            return Ok((input, first.tree));
        }
        self.note_weight(span, first.weight);
        let mut branches = vec![first];
        while ampersand.is_some() {
            let (branch, span);
            (input, (branch, span)) = self.weighted(input)?;
            self.note_weight(span, branch.weight);
            branches.push(branch);
            (input, ampersand) = operator('&', input)?;
        }
        Ok((input, NameTree::Union(branches)))
    }

    fn note_weight(&mut self, span: Option<Range<usize>>, weight: f64) {
        if let Some(span) = span.filter(|_| weight == 0.0) {
            self.weights.push(WeightNote {
                span,
                is_lone: false,
            });
        }
    }

    /// A branch, and where its weight is written.
    fn weighted<'a>(
        &mut self,
        input: &'a str,
    ) -> Parsed<'a, (Weighted<Path>, Option<Range<usize>>)> {
        let (start, ()) = space(input)?;
        if !start.starts_with(is_number_char) {
            let (input, tree) = self.simple(start)?;
            return Ok((input, (Weighted { weight: 1.0, tree }, None)));
        }
        let (end, weight) = number(start)?;
        let span = self.span(start, end);
        let (input, ()) = space(end)?;
        let (input, _) = char('*').parse(input)?;
        let (input, ()) = space(input)?;
        let (input, tree) = self.simple(input)?;
        Ok((input, (Weighted { weight, tree }, Some(span))))
    }

    fn simple<'a>(&mut self, input: &'a str) -> Parsed<'a, NameTree<Path>> {
        let symbol = |tree| Ok((&input[1..], tree));
        let (rest, tree) = match input.as_bytes().first() {
            Some(b'(') => self.parenthesis(input),
            Some(b'/') => self.leaf(input),
            Some(b'!') => symbol(NameTree::Fail),
            Some(b'~') => symbol(NameTree::Neg),
            Some(b'$') => symbol(NameTree::Empty),
            _ => Err(Unexpected::new(input, "simple")),
        }?;
        self.end = self.source_len - rest.len();
        Ok((rest, tree))
    }

    fn leaf<'a>(&mut self, input: &'a str) -> Parsed<'a, NameTree<Path>> {
        let (rest, path) = path_text(input)?;
        let span = self.span(input, rest);
        if let Some(dentry) = self.dentries.last_mut() {
            dentry.leaves.push(span);
        }
        Ok((rest, NameTree::Leaf(path)))
    }

    fn parenthesis<'a>(&mut self, input: &'a str) -> Parsed<'a, NameTree<Path>> {
        if self.nesting == MAX_NESTING {
            return Err(Unexpected::new(input, "at most 100 nested parentheses"));
        }
        self.nesting += 1;
        let (input, tree) = self.tree(&input[1..])?;
        self.nesting -= 1;
        let (input, ()) = space(input)?;
        let (input, _) = char(')').parse(input)?;
        Ok((input, tree))
    }

    fn span(&self, start: &str, end: &str) -> Range<usize> {
        self.source_len - start.len()..self.source_len - end.len()
    }
}

fn path_text(input: &str) -> Parsed<'_, Path> {
    let (input, ()) = space(input)?;
    let (mut input, _) = char('/').parse(input)?;
    let mut segments = Vec::with_capacity(4);
    if !input.starts_with(is_label_char) {
        return Ok((input, Path::empty()));
    }
    loop {
        let segment;
        (input, segment) = label(input)?;
        segments.push(segment);
        let slash;
        (input, slash) = opt(char('/')).parse(input)?;
        if slash.is_none() {
            return Ok((input, Path::from(segments)));
        }
    }
}

fn prefix_text(input: &str) -> Parsed<'_, Prefix> {
    let (input, ()) = space(input)?;
    let (mut input, _) = char('/').parse(input)?;
    let mut elems = Vec::new();
    if !input.starts_with(|c| is_label_char(c) || c == '*') {
        return Ok((input, Prefix::from(elems)));
    }
    loop {
        let elem;
        (input, elem) = match input.strip_prefix('*') {
            Some(rest) => (rest, Elem::Any),
            None => label(input).map(|(rest, segment)| (rest, Elem::Label(segment)))?,
        };
        elems.push(elem);
        let slash;
        (input, slash) = opt(char('/')).parse(input)?;
        if slash.is_none() {
            return Ok((input, Prefix::from(elems)));
        }
    }
}

fn label(input: &str) -> Parsed<'_, Segment> {
    let (rest, plain) = context("label char", take_while1(is_label_char)).parse(input)?;
    if !plain.contains('\\') {
        return Ok((rest, segment(plain.as_bytes())));
    }
    let mut bytes = Vec::with_capacity(plain.len());
    let mut at = input;
    while at.starts_with(is_label_char) {
        let (rest, byte) = if at.starts_with('\\') {
            escape(at)?
        } else {
            (&at[1..], at.as_bytes()[0])
        };
        bytes.push(byte);
        at = rest;
    }
    Ok((at, segment(&bytes)))
}

fn segment(bytes: &[u8]) -> Segment {
    Segment::new(bytes).expect("the grammar's labels have a character at least")
}

fn escape(input: &str) -> Parsed<'_, u8> {
    let hex = || context("hex char", satisfy(|c| c.is_ascii_hexdigit()));
    let (input, (_, _, high, low)) = (char('\\'), char('x'), hex(), hex()).parse(input)?;
    let value = |digit: char| digit.to_digit(16).unwrap_or_default() as u8;
    Ok((input, value(high) << 4 | value(low)))
}

/// Digits with at most one dot among them.
fn number(input: &str) -> Parsed<'_, f64> {
    let (rest, text) = take_while(is_number_char).parse(input)?;
    if let Some((second_dot, _)) = text.match_indices('.').nth(1) {
        return Err(Unexpected::new(&input[second_dot..], "number char"));
    }
    if text == "." {
        return Err(Unexpected::found(rest, "weight", '.'));
    }
    match text.parse::<f64>() {
        Ok(weight) if weight.is_finite() => Ok((rest, weight)),
        _ => Err(Unexpected::new(input, "weight")),
    }
}

/// An operator between operands, if there is one.
fn operator(symbol: char, input: &str) -> Parsed<'_, Option<char>> {
    let (input, ()) = space(input)?;
    opt(char(symbol)).parse(input)
}

/// Whitespace and comments, which run from `#` to the end of the line.
fn space(mut input: &str) -> Parsed<'_, ()> {
    loop {
        (input, _) = take_while(is_whitespace).parse(input)?;
        if !input.starts_with('#') {
            return Ok((input, ()));
        }
        (input, _) = take_till(|c| c == '\n').parse(input)?;
    }
}

fn is_label_char(c: char) -> bool {
    c == '\\' || u8::try_from(c).is_ok_and(is_showable)
}

fn is_number_char(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// Unlike Unicode's, and `char::is_whitespace`, without the non-breaking spaces and U+0085.
fn is_whitespace(c: char) -> bool {
    matches!(c,
        '\u{9}'..='\u{d}' | '\u{1c}'..='\u{20}' | '\u{1680}' | '\u{2000}'..='\u{2006}' | '\u{2008}'..='\u{200a}'
        | '\u{2028}' | '\u{2029}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests;
