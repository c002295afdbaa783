//! Messages as the two ends get them, read so strictly that there is one way only.

/// A message that came, whole or not.
pub(super) struct Message {
    pub(super) first_line: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) framing: &'static str,
    pub(super) body: String,
    pub(super) trailers: Vec<(String, String)>,
    /// How many bytes it took, when it is whole.
    pub(super) whole: Option<usize>,
}

/// What a hop keeps for itself. `Connection` and `Upgrade` are looked at more closely.
const OF_ONE_HOP: &[&str] = &["keep-alive", "proxy-connection", "te", "http2-settings"];

/// What an underscore must not disguise.
const TRUSTED: &[&str] = &["content-length", "transfer-encoding", "host", "connection"];

/// Reads a request; none where its head is not complete.
pub(super) fn request(bytes: &[u8]) -> Result<Option<Message>, String> {
    let Some((mut message, head)) = head(bytes)? else {
        return Ok(None);
    };
    let parts: Vec<&str> = message.first_line.split(' ').collect();
    if !matches!(parts[..], [method, target, "HTTP/1.1"] if is_token(method) && !target.is_empty())
    {
        return Err(format!("the request line {:?}", message.first_line));
    }
    if message.count("host") != 1 {
        return Err("not exactly one Host".into());
    }
    let disguised = |name: &str| {
        let plain = name.to_ascii_lowercase().replace('_', "-");
        name.contains('_') && (plain.starts_with("l5d-") || TRUSTED.contains(&&*plain))
    };
    if let Some((name, _)) = message.fields.iter().find(|(name, _)| disguised(name)) {
        return Err(format!("the disguised {name}"));
    }
    message.frame("none")?;
    message.read_body(&bytes[head..], head)?;
    Ok(Some(message))
}

/// Reads an answer; none where its head is not complete.
///
/// A bare one has no body whatever its head says. `is_over`: nothing comes after these bytes, and nobody broke them off.
pub(super) fn answer(
    bytes: &[u8],
    is_bare: bool,
    is_over: bool,
) -> Result<Option<Message>, String> {
    let Some((mut message, head)) = head(bytes)? else {
        return Ok(None);
    };
    let line = &message.first_line;
    let status = match line.as_bytes() {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'1',
            b' ',
            status @ ..,
        ] => status.get(..3),
        _ => None,
    };
    let Some(status) = status.filter(|status| status.iter().all(u8::is_ascii_digit)) else {
        return Err(format!("the status line {line:?}"));
    };
    let is_interim = status[0] == b'1';
    let is_without_body = is_interim || status == b"204" || status == b"304";
    if (is_interim || status == b"204")
        && message.count("content-length") + message.count("transfer-encoding") > 0
    {
        return Err("a length where there is no body".into());
    }
    message.frame("close")?;
    if is_bare || is_without_body {
        message.framing = "none";
    }
    message.read_body(&bytes[head..], head)?;
    if message.framing == "close" && is_over {
        message.whole = Some(bytes.len());
    }
    Ok(Some(message))
}

/// Reads a head, and how long it is.
fn head(bytes: &[u8]) -> Result<Option<(Message, usize)>, String> {
    let Some(end) = position(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = text(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let message = Message {
        first_line: lines.next().unwrap_or_default().to_owned(),
        fields: lines.map(field).collect::<Result<_, _>>()?,
        framing: "none",
        body: String::new(),
        trailers: Vec::new(),
        whole: None,
    };
    check_text(&message.first_line)?;
    message.check_hop()?;
    Ok(Some((message, end + 4)))
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|found| found == wanted)
}

/// A character for each byte.
pub(super) fn text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn field(line: &str) -> Result<(String, String), String> {
    check_text(line)?;
    match line.split_once(':') {
        Some((name, value)) if is_token(name) => {
            Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        }
        _ => Err(format!("the field line {line:?}")),
    }
}

fn check_text(line: &str) -> Result<(), String> {
    let is_bad = |character: char| character.is_ascii_control() && character != '\t';
    if line.chars().any(is_bad) {
        return Err(format!("a control character in {line:?}"));
    }
    Ok(())
}

fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

impl Message {
    fn count(&self, name: &str) -> usize {
        let is = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields.iter().filter(is).count()
    }

    /// The values of a field, joined.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let is = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        let values: Vec<&str> = self
            .fields
            .iter()
            .filter(is)
            .map(|field| &*field.1)
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// What concerns one hop only must not be here, but for what the router says to its neighbour.
    fn check_hop(&self) -> Result<(), String> {
        if let Some(name) = OF_ONE_HOP.iter().find(|name| self.count(name) > 0) {
            return Err(format!("{name} is for one hop"));
        }
        let connection = self.value("connection").unwrap_or_default();
        let connection = connection.to_ascii_lowercase();
        if !matches!(&*connection, "" | "close" | "keep-alive" | "upgrade") {
            return Err(format!("the connection options {connection:?}"));
        }
        if self.count("upgrade") > 0 && connection != "upgrade" && !self.first_line.contains(" 426")
        {
            return Err("an Upgrade that no Connection names".into());
        }
        Ok(())
    }

    /// Decides how its length is said.
    fn frame(&mut self, otherwise: &'static str) -> Result<(), String> {
        let length = self.value("content-length");
        self.framing = match (self.value("transfer-encoding").as_deref(), &length) {
            (None, None) => otherwise,
            (Some("chunked"), None) => "chunked",
            (None, Some(digits)) if digits.parse().is_ok_and(|n: u64| n.to_string() == *digits) => {
                "length"
            }
            (coding, length) => {
                return Err(format!("the encoding {coding:?} and the length {length:?}"));
            }
        };
        Ok(())
    }

    /// Reads the body as far as it is here.
    fn read_body(&mut self, bytes: &[u8], head: usize) -> Result<(), String> {
        match self.framing {
            "none" => self.whole = Some(head),
            "close" => self.body = text(bytes),
            "length" => {
                let length = self.value("content-length").unwrap_or_default();
                let length: usize = length.parse().map_err(|_| "a length beyond memory")?;
                self.body = text(&bytes[..length.min(bytes.len())]);
                self.whole = (bytes.len() >= length).then_some(head + length);
            }
            _ => self.whole = self.read_chunks(bytes)?.map(|length| head + length),
        }
        Ok(())
    }

    /// Reads the chunks that are here, and says how long they are when they are all.
    fn read_chunks(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let mut rest = bytes;
        while let Some(digits) = take_line(&mut rest) {
            let is_size = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = usize::from_str_radix(&digits, 16).ok().filter(|_| is_size);
            let size = size.ok_or_else(|| format!("the chunk size {digits:?}"))?;
            if size == 0 {
                return Ok(self.read_trailers(rest)?.map(|after| bytes.len() - after));
            }
            self.body += &text(&rest[..size.min(rest.len())]);
            match rest.get(size..size + 2) {
                Some(b"\r\n") => rest = &rest[size + 2..],
                Some(end) => return Err(format!("{:?} after a chunk", text(end))),
                None => break,
            }
        }
        Ok(None)
    }

    /// Reads the trailers, and says how many bytes are left after them.
    fn read_trailers(&mut self, mut rest: &[u8]) -> Result<Option<usize>, String> {
        while let Some(line) = take_line(&mut rest) {
            if line.is_empty() {
                return Ok(Some(rest.len()));
            }
            self.trailers.push(field(&line)?);
        }
        Ok(None)
    }
}

/// Takes what stands before the first CRLF.
fn take_line(rest: &mut &[u8]) -> Option<String> {
    let end = position(rest, b"\r\n")?;
    let line = text(&rest[..end]);
    *rest = &rest[end + 2..];
    Some(line)
}
