//! The cases as they are written.

use super::escape::unescape;
use super::expected::Expected;

/// The answer that `<< !ok` stands for.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// One case.
pub(super) struct Case {
    pub(super) name: String,
    /// Where it is written.
    pub(super) place: String,
    /// What `HOST` stands for.
    pub(super) host: String,
    /// The names by which the backend is asked: the host, and those with a port that the case has.
    pub(super) names: Vec<String>,
    /// What may happen; the case holds when one of them does.
    pub(super) ways: Vec<Vec<Step>>,
}

/// One line of a case, and what is indented below it.
#[derive(Clone)]
pub(super) struct Step {
    /// As it is written, for a person.
    pub(super) text: String,
    pub(super) deed: Deed,
}

/// What a step does, or waits for.
#[derive(Clone)]
pub(super) enum Deed {
    ClientSends(Vec<u8>),
    ClientDrips(Vec<u8>),
    ClientEnds,
    ClientLeaves,
    ClientConnects,
    BackendGets(Expected),
    BackendGetsBytes(Vec<u8>),
    BackendIsConnected,
    BackendIsCut { maybe_nothing: bool },
    BackendIsClosed,
    BackendSends(Vec<u8>),
    BackendDrips(Vec<u8>),
    BackendEnds,
    BackendLeaves,
    ClientGets(Expected),
    ClientGetsBytes(Vec<u8>),
    ClientGetsNothing,
    ClientIsBroken,
    ClientIsClosed,
    ClientIsOpen,
    ClientIsOpenOrClosed,
}

/// Reads the cases of a text; panics where it is not well written.
pub(super) fn parse(file: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut blocks = text.split("\n== ");
    let mut line = 2 + newlines(blocks.next().unwrap_or_default());
    for block in blocks {
        cases.push(parse_case(block, &format!("{file}.txt:{line}")));
        line += 1 + newlines(block);
    }
    cases
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

fn parse_case(block: &str, place: &str) -> Case {
    let host = place.replace(".txt:", "-").replace('_', "-");
    let ports = ["", ":80", ":443"].into_iter();
    let names = ports
        .filter(|port| port.is_empty() || block.contains(&format!("HOST{port}")))
        .map(|port| format!("{host}{port}"))
        .collect();
    let block = block.replace("HOST", &host);
    let mut lines = block.lines().filter(|line| !line.is_empty());
    let name = lines.next().expect("a name").to_owned();
    let source = lines.next().unwrap_or_default();
    assert!(source.starts_with("RFC 9"), "{place}: {source:?} is no RFC");
    let mut before = Vec::new();
    let mut ways: Vec<Vec<Step>> = Vec::new();
    for line in lines.skip_while(|line| !line.starts_with(['>', '<'])) {
        match line {
            "either" | "or" => ways.push(before.clone()),
            line => add(ways.last_mut().unwrap_or(&mut before), line, place),
        }
    }
    if ways.is_empty() {
        ways.push(before);
    }
    Case {
        name,
        place: place.to_owned(),
        host,
        names,
        ways,
    }
}

/// Adds a line to the steps: as a step of its own, or to the one that it continues.
fn add(steps: &mut Vec<Step>, line: &str, place: &str) {
    if let Some(detail) = line.strip_prefix("   ") {
        let step = steps.last_mut().expect("a step before its details");
        let (Deed::BackendGets(message) | Deed::ClientGets(message)) = &mut step.deed else {
            panic!("{place}: {line:?} belongs to no message");
        };
        return message.add(detail.trim());
    }
    let (who, what) = line.split_once(' ').expect("who, and what");
    let deed = match who {
        ">" => client_does(what),
        ">>" => backend_gets(what),
        "<<" => backend_does(what),
        "<" => client_gets(what),
        _ => panic!("{place}: {line:?} is no step"),
    };
    match (steps.last_mut().map(|step| &mut step.deed), deed) {
        (Some(Deed::ClientSends(sent)), Deed::ClientSends(more)) => sent.extend(more),
        (Some(Deed::BackendSends(sent)), Deed::BackendSends(more)) => sent.extend(more),
        (_, deed) => steps.push(Step {
            text: line.to_owned(),
            deed,
        }),
    }
}

fn client_does(what: &str) -> Deed {
    match what {
        "!end" => Deed::ClientEnds,
        "!leave" => Deed::ClientLeaves,
        "!connect" => Deed::ClientConnects,
        bytes => match bytes.strip_prefix("!drip ") {
            Some(bytes) => Deed::ClientDrips(unescape(bytes)),
            None => Deed::ClientSends(unescape(bytes)),
        },
    }
}

fn backend_does(what: &str) -> Deed {
    match what {
        "!ok" => Deed::BackendSends(OK.to_vec()),
        "!end" => Deed::BackendEnds,
        "!leave" => Deed::BackendLeaves,
        bytes => match bytes.strip_prefix("!drip ") {
            Some(bytes) => Deed::BackendDrips(unescape(bytes)),
            None => Deed::BackendSends(unescape(bytes)),
        },
    }
}

fn backend_gets(what: &str) -> Deed {
    match what {
        "connected" => Deed::BackendIsConnected,
        "closed" => Deed::BackendIsClosed,
        "cut" => Deed::BackendIsCut {
            maybe_nothing: false,
        },
        "no whole request" => Deed::BackendIsCut {
            maybe_nothing: true,
        },
        what => match what.strip_prefix("= ") {
            Some(bytes) => Deed::BackendGetsBytes(unescape(bytes)),
            None => Deed::BackendGets(Expected::that_is(what)),
        },
    }
}

fn client_gets(what: &str) -> Deed {
    match what {
        "ok" => Deed::ClientGets(Expected::that_is("200").with_body("ok")),
        "nothing" => Deed::ClientGetsNothing,
        "broken" => Deed::ClientIsBroken,
        "closed" => Deed::ClientIsClosed,
        "open" => Deed::ClientIsOpen,
        "open or closed" => Deed::ClientIsOpenOrClosed,
        what => match what.strip_prefix("= ") {
            Some(bytes) => Deed::ClientGetsBytes(unescape(bytes)),
            None => Deed::ClientGets(Expected::that_is(what)),
        },
    }
}
