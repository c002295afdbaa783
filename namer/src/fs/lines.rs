//! The lines of a file: `host port`, `host port * weight`, `#` before a comment.
//!
//! Source: linkerd `WatchingNamer`, which drops the whole file for one bad line; here it costs that line.

/// The longest part of a bad line that is shown, in characters.
const SHOWN: usize = 80;

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Lines {
    pub(super) good: Vec<Line>,
    pub(super) bad: Vec<BadLine>,
}

/// A host to be reached.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) weight: f64,
}

/// A line that is left out.
#[derive(Debug, PartialEq)]
pub(super) struct BadLine {
    /// From 1.
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) reason: String,
}

/// Reads the text of a file.
pub(super) fn parse(text: &str) -> Lines {
    let mut lines = Lines::default();
    for (number, text) in (1..).zip(text.lines()) {
        let code = text.split('#').next().unwrap_or_default().trim();
        if code.is_empty() {
            continue;
        }
        match parse_line(code) {
            Ok(line) => lines.good.push(line),
            Err(reason) => lines.bad.push(BadLine {
                number,
                text: text.chars().take(SHOWN).collect(),
                reason,
            }),
        }
    }
    lines
}

fn parse_line(code: &str) -> Result<Line, String> {
    let (address, weight) = match code.split_once('*') {
        Some((address, weight)) => (address, parse_weight(weight.trim())?),
        None => (code, 1.0),
    };
    let words: Vec<_> = address.split_whitespace().collect();
    let (host, port) = match words.as_slice() {
        [host, port] => (*host, *port),
        [alone] => match alone.rsplit_once(':') {
            Some((host, port)) => {
                return Err(format!("write `{host} {port}`, with a space for the colon"));
            }
            None => return Err("no port: write `host port` or `host port * weight`".to_owned()),
        },
        _ => return Err("write `host port` or `host port * weight`".to_owned()),
    };
    let port = port.parse().ok().filter(|port| *port != 0);
    Ok(Line {
        host: host.to_owned(),
        port: port.ok_or_else(|| format!("`{}` is not a port from 1 to 65535", words[1]))?,
        weight,
    })
}

fn parse_weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().ok();
    weight
        .filter(|weight: &f64| weight.is_finite() && weight.is_sign_positive())
        .ok_or_else(|| format!("`{text}` is not a weight, such as 1 or 0.5"))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn shown(text: &str) -> String {
        let lines = parse(text);
        let good = lines
            .good
            .iter()
            .map(|line| format!("{} {} * {}", line.host, line.port, line.weight));
        let bad = lines
            .bad
            .iter()
            .map(|line| format!("{}: {}: {}", line.number, line.text, line.reason));
        good.chain(bad).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn lines_are_hosts_with_ports_and_weights() {
        let text = "\n# a comment\n10.0.0.1 80\n web.example\t8080  # its port\r\n::1 1 * 0.5\nh 65535*2\n";
        assert_snapshot!(shown(text), @r"
        10.0.0.1 80 * 1
        web.example 8080 * 1
        ::1 1 * 0.5
        h 65535 * 2
        ");
    }

    #[test]
    fn a_bad_line_costs_that_line() {
        let text = "h 80\nh:80\nh\nh 0\nh 70000\nh 80 2\nh 80 * x\nh 80 * -1\nh 80 * inf\nh 81\n";
        assert_snapshot!(shown(text), @r"
        h 80 * 1
        h 81 * 1
        2: h:80: write `h 80`, with a space for the colon
        3: h: no port: write `host port` or `host port * weight`
        4: h 0: `0` is not a port from 1 to 65535
        5: h 70000: `70000` is not a port from 1 to 65535
        6: h 80 2: write `host port` or `host port * weight`
        7: h 80 * x: `x` is not a weight, such as 1 or 0.5
        8: h 80 * -1: `-1` is not a weight, such as 1 or 0.5
        9: h 80 * inf: `inf` is not a weight, such as 1 or 0.5
        ");
    }

    #[test]
    fn nothing_is_said_by_comments_alone() {
        assert_eq!(parse("# h 80\n\n  \n"), Lines::default());
    }
}
