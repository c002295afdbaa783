//! What a case says about a message that arrives.

use super::escape::readable;
use super::message::Message;

/// What a message must be.
#[derive(Clone, Default)]
pub(super) struct Expected {
    /// Method and target, or the statuses that are allowed.
    is: Vec<String>,
    line: Option<String>,
    /// Field names with their values, or with none where there must be no such line.
    fields: Vec<(String, Option<String>)>,
    trailers: Vec<(String, String)>,
    body: Option<String>,
    so_far: Option<String>,
    framing: Option<String>,
    /// Whether it has no body whatever its head says.
    pub(super) is_bare: bool,
    has_any_body: bool,
}

impl Expected {
    /// A request for this, or an answer with this status; `a | b` allows both.
    pub(super) fn that_is(is: &str) -> Self {
        Self {
            is: is.split(" | ").map(readable).collect(),
            ..Self::default()
        }
    }

    pub(super) fn with_body(self, body: &str) -> Self {
        Self {
            body: Some(body.to_owned()),
            ..self
        }
    }

    /// Adds a line that is indented below it.
    pub(super) fn add(&mut self, detail: &str) {
        match (detail, detail.strip_prefix("no ")) {
            ("bare", _) => self.is_bare = true,
            ("any body", _) => self.has_any_body = true,
            (_, Some(name)) => self.fields.push((name.to_owned(), None)),
            _ => self.add_value(detail),
        }
    }

    fn add_value(&mut self, detail: &str) {
        let (name, value) = detail.split_once(':').expect("a name and a value");
        let value = readable(value.trim_start());
        match (name, name.strip_prefix("trailer ")) {
            ("body", _) => self.body = Some(value),
            ("so far", _) => self.so_far = Some(value),
            ("framing", _) => self.framing = Some(value),
            ("line", _) => self.line = Some(value),
            (_, Some(name)) => self.trailers.push((name.to_owned(), value)),
            _ => self.fields.push((name.to_owned(), Some(value))),
        }
    }

    /// Whether it is about the beginning of a message that is read on later.
    pub(super) fn is_partial(&self) -> bool {
        self.so_far.is_some()
    }

    /// Compares a request; false if that needs more of it. Whatever name it was for is its Host, unless the case says more
    /// about that.
    pub(super) fn is_request(&self, message: &Message, host: &str) -> Result<bool, String> {
        let is = message.first_line.trim_end_matches(" HTTP/1.1");
        let has_come = self.has_come(message, is)?;
        let says_more = self.fields.iter().any(|(name, _)| name == "Host");
        match message.value("host") {
            Some(got) if got != host && !says_more => Err(format!("the host is {got:?}")),
            _ => Ok(has_come),
        }
    }

    /// Compares an answer; false if that needs more of it.
    pub(super) fn is_answer(&self, message: &Message) -> Result<bool, String> {
        let status = message.first_line.get(9..12);
        self.has_come(message, status.unwrap_or_default())
    }

    fn has_come(&self, message: &Message, is: &str) -> Result<bool, String> {
        if !self.is.iter().any(|expected| expected == is) {
            return Err(format!("{is:?} is not {:?}", self.is));
        }
        let has_come = match &self.so_far {
            Some(so_far) => message.body.len() >= so_far.len(),
            None => message.whole.is_some(),
        };
        if has_come {
            self.check_head(message)?;
            self.check_body(message)?;
        }
        Ok(has_come)
    }

    fn check_head(&self, message: &Message) -> Result<(), String> {
        if let Some(line) = &self.line {
            same("the first line", line, &message.first_line)?;
        }
        if let Some(framing) = &self.framing {
            same("the framing", framing, message.framing)?;
        }
        for (name, value) in &self.fields {
            match (message.value(name), value) {
                (None, None) => {}
                (Some(got), Some(value)) => same(name, value, &got)?,
                (got, _) => return Err(format!("{name} is {got:?}")),
            }
        }
        Ok(())
    }

    fn check_body(&self, message: &Message) -> Result<(), String> {
        if let Some(so_far) = &self.so_far {
            return same("the body so far", so_far, &message.body);
        }
        let (expected, got) = (shown(&self.trailers), shown(&message.trailers));
        same("the trailer section", &expected, &got)?;
        let may_be_ours = self.is.iter().any(|is| is.starts_with(['4', '5']));
        match &self.body {
            Some(body) => same("the body", body, &message.body),
            None if may_be_ours || self.has_any_body => Ok(()),
            None => same("the body", "", &message.body),
        }
    }
}

fn same(what: &str, expected: &str, got: &str) -> Result<(), String> {
    match expected == got {
        true => Ok(()),
        false => Err(format!("{what} is {got:?}, not {expected:?}")),
    }
}

/// Trailers as one text.
fn shown(trailers: &[(String, String)]) -> String {
    let lines = trailers
        .iter()
        .map(|(name, value)| format!("{}: {value}\n", name.to_lowercase()));
    lines.collect()
}
