//! Clients that others wrote, those that are installed: what they think of the router's answers.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::Command;

use tests::{Backend, Router};

/// A command, in whose words `PROXY` stands for the router's address, and what it must say.
pub(crate) struct Case {
    pub(crate) command: &'static [&'static str],
    pub(crate) says: &'static str,
    /// What it would say if something was wrong.
    pub(crate) never: &'static str,
}

const PYTHON: &str = "import urllib.request as r; \
    o = r.build_opener(r.ProxyHandler({'http': 'http://PROXY'})); \
    print(o.open('http://web/').read().decode(), o.open('http://web/', b'body').status)";

const CASES: [Case; 9] = [
    Case {
        command: &["curl", "-sSf", "-x", "http://PROXY", "http://web/"],
        says: "v1",
        never: "rror",
    },
    // CONNECT.
    Case {
        command: &["curl", "-sSf", "-p", "-x", "http://PROXY", "http://web/"],
        says: "v1",
        never: "rror",
    },
    Case {
        command: &[
            "curl",
            "-sSf",
            "-x",
            "http://PROXY",
            "-H",
            "Expect: 100-continue",
            "-d",
            "body",
            "http://web/",
            "--next",
            "-sSf",
            "-x",
            "http://PROXY",
            "-I",
            "http://web/",
        ],
        says: "content-length: 2",
        never: "rror",
    },
    Case {
        command: &[
            "wget",
            "-qO-",
            "-e",
            "http_proxy=http://PROXY",
            "http://web/",
        ],
        says: "v1",
        never: "rror",
    },
    Case {
        command: &["python3", "-c", PYTHON],
        says: "v1 200",
        never: "rror",
    },
    Case {
        command: &[
            "hey",
            "-n",
            "400",
            "-c",
            "10",
            "-x",
            "http://PROXY",
            "http://web/",
        ],
        says: "[200]\t400 responses",
        never: "Error distribution",
    },
    Case {
        command: &[
            "hey",
            "-n",
            "400",
            "-c",
            "10",
            "-disable-keepalive",
            "-host",
            "web",
            "http://PROXY/",
        ],
        says: "[200]\t400 responses",
        never: "Error distribution",
    },
    Case {
        command: &[
            "wrk",
            "-t1",
            "-c10",
            "-d1s",
            "-H",
            "Host: web",
            "http://PROXY/",
        ],
        says: " requests in ",
        never: "Non-2xx",
    },
    Case {
        command: &[
            "ab",
            "-n",
            "400",
            "-c",
            "10",
            "-k",
            "-X",
            "PROXY",
            "http://web/",
        ],
        says: "Failed requests:        0",
        never: "Non-2xx",
    },
];

#[test]
fn clients_of_others_are_content() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let backend = Backend::start(runtime.handle(), "v1");
    let dir = tempfile::tempdir().expect("a folder");
    let dtab = format!(
        "  dtab: /svc/web => {0} ; /svc/web:80 => {0}\n",
        backend.path()
    );
    let router = Router::start(dir.path(), "out", &dtab, (0, 0)).expect("the router starts");
    check(router.address(), &CASES);
}

/// Runs the commands that are installed, one after the other.
pub(crate) fn check(router: SocketAddr, cases: &[Case]) {
    let proxy = router.to_string();
    for Case {
        command,
        says,
        never,
    } in cases
    {
        let words: Vec<_> = command
            .iter()
            .map(|word| word.replace("PROXY", &proxy))
            .collect();
        let output = match Command::new(&words[0]).args(&words[1..]).output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("not tried, for it is not installed: {}", words[0]);
                continue;
            }
            output => output.expect("it can be started"),
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let is_content = output.status.success()
            && said
                .to_ascii_lowercase()
                .contains(&says.to_ascii_lowercase())
            && !said.contains(never);
        assert!(is_content, "{words:?}: {}\n{said}", output.status);
    }
}
