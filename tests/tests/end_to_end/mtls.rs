//! Two routers that know each other by certificates: what passes, who is refused and why, and what goes on while
//! certificates and authorities are replaced.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use rcgen::{CertificateParams, DnType, date_time_ymd};
use serde_json::Value;
use tests::{Bare, Load, Process, Proxied, Reply, World, program, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use transport::{ClientAuthFiles, ClientTls, ClientTlsFiles, Connector};

use crate::authority::Authority;

const WITHIN: Duration = Duration::from_secs(10);

const DAY: Duration = Duration::from_secs(86_400);

/// A router's process.
struct Hop {
    process: Process,
    admin: SocketAddr,
}

impl Hop {
    fn start(world: &World, name: &str, routers: &[String]) -> Self {
        let file = world.dir().join(name).with_extension("yaml");
        let yaml = format!(
            "stateDir: none\nadmin: {{ip: 127.0.0.1, port: 0}}\nrouters:\n{}",
            routers.concat()
        );
        fs::write(&file, yaml).expect("it can be written");
        let mut command = Command::new(program("router"));
        let process = Process::start(name, command.arg("-log.level=DEBUG").arg(file));
        let process = process.expect("it starts");
        let admin = process.serves("http admin").expect("it serves");
        Self { process, admin }
    }

    fn serves(&self, label: &str) -> SocketAddr {
        self.process.serves(label).expect("it serves")
    }

    fn metrics(&self, world: &World) -> Value {
        let metrics = world.runtime().block_on(async {
            let mut connection = Bare::connect(self.admin).await?;
            let request = "GET /admin/metrics.json HTTP/1.1\r\nHost: admin\r\n\r\n";
            connection.ask(request.as_bytes()).await
        });
        serde_json::from_slice(&metrics.expect("an answer").body).expect("JSON")
    }

    /// In how many days the certificate expires that the metrics of this scope tell of.
    fn days_left(&self, world: &World, scope: &str) -> f64 {
        let metrics = self.metrics(world);
        let seconds = &metrics[format!("{scope}/tls/certificate_expiry_seconds")];
        let seconds = seconds
            .as_f64()
            .unwrap_or_else(|| panic!("{scope}: {metrics}"));
        seconds / DAY.as_secs_f64()
    }

    /// How often it has read changed files.
    fn times_read(&self) -> usize {
        self.process
            .said()
            .matches("TLS files changed; new connections use them")
            .count()
    }
}

/// The YAML of a router that speaks TLS to its endpoint, whose name begins with its address.
fn near(label: &str, (trusted, shown): (&str, &str), far: SocketAddr, more: &str) -> String {
    format!(
        "- protocol: http
  label: {label}
  servers: [{{ip: 127.0.0.1, port: 0}}]
  dtab: /svc => /$/inet/127.0.0.1/{}
  client:
    kind: io.l5d.static
    configs:
    - prefix: \"/$/inet/{{host}}/{{port}}\"
      tls: {{commonName: \"{{host}}.hop.example\", trustCertsBundle: {trusted}{shown}}}
{more}",
        far.port()
    )
}

/// What a client shows.
fn shows(authority: &Authority, owner: &str) -> String {
    format!(
        ", clientAuth: {{certPath: {}, keyPath: {}}}",
        authority.text(&format!("{owner}.pem")),
        authority.text(&format!("{owner}.key"))
    )
}

/// The YAML of a router with this TLS on its server.
fn far(label: &str, tls: &str, backend: SocketAddr, more: &str) -> String {
    format!(
        "- protocol: http
  label: {label}
  servers: [{{ip: 127.0.0.1, port: 0, tls: {tls}}}]
  dtab: /svc => /$/inet/127.0.0.1/{}
{more}",
        backend.port()
    )
}

/// Makes a certificate be for what the first router calls the second one.
fn named(params: &mut CertificateParams) {
    let name = "127.0.0.1.hop.example".to_owned();
    *params = CertificateParams::new([name]).expect("a valid name");
}

/// Makes a certificate last so many days, and half a day, so that they are as many still at the end of a test.
fn lasts(params: &mut CertificateParams, days: u32) {
    params.not_after = (SystemTime::now() + DAY * days + DAY / 2).into();
}

/// Sends a request on a connection of its own.
fn get(world: &World, router: SocketAddr, headers: &[(&str, &str)]) -> Reply {
    let reply = world.runtime().block_on(async {
        let mut connection = Proxied::connect(router).await?;
        connection.get("web", headers).await
    });
    reply.expect("the router answers")
}

/// A service that answers each request with its head.
fn mirror(world: &World) -> SocketAddr {
    let listener = world.runtime().block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a port");
    let address = listener.local_addr().expect("it is bound");
    world.runtime().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut head).await.unwrap_or_default() == 0 {
                    break;
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            // It is the router's business whether it listens.
            let _ = stream.write_all(&[answer, &head[..]].concat()).await;
        }
    });
    address
}

#[test]
fn the_last_hop_is_told_who_the_first_one_is() {
    let world = World::new();
    let ours = Authority::new(&world, "ours");
    ours.issue_with("far", |params| {
        named(params);
        lasts(params, 9);
    });
    ours.issue_with("near", |params| {
        params
            .distinguished_name
            .push(DnType::CommonName, "the near one");
        lasts(params, 5);
    });
    let (tls, mirror) = (ours.guarding("far"), mirror(&world));
    let telling = "  client: {forwardClientCert: true}\n";
    let b = Hop::start(
        &world,
        "b",
        &[
            far("telling", &tls, mirror, telling),
            far("silent", &tls, mirror, ""),
        ],
    );
    let (telling, silent) = (b.serves("telling"), b.serves("silent"));
    // Every request has a connection of its own, which resumes the session of one before.
    let brief = "      clientSession: {lifeTimeMs: 1}\n";
    let tls = (&*ours.text("ca.pem"), &*shows(&ours, "near"));
    let a = Hop::start(
        &world,
        "a",
        &[
            near("to-telling", tls, telling, brief),
            near("to-silent", tls, silent, brief),
        ],
    );

    for (label, is_told) in [("to-telling", true), ("to-silent", false)] {
        for _ in 0..4 {
            let forged = [("x-forwarded-client-cert", "Hash=forged")];
            let reply = get(&world, a.serves(label), &forged);
            assert_eq!(reply.status, 200, "{}", reply.body);
            let lines = reply.body.lines();
            let told: Vec<_> = lines
                .filter_map(|line| line.strip_prefix("x-forwarded-client-cert: "))
                .collect();
            if !is_told {
                assert!(told.is_empty(), "{told:?}");
                continue;
            }
            let [told] = told[..] else {
                panic!("{}", reply.body)
            };
            let (hash, names) = told.split_once(';').expect("more than a hash");
            assert!(hash.starts_with("Hash=") && hash.len() == 69, "{told}");
            assert_eq!(names, "DNS=localhost;Subject=\"CN=the near one\"");
        }
    }

    let of_server = b.days_left(&world, "rt/telling/server/127.0.0.1/0");
    assert!((9.0..9.6).contains(&of_server), "{of_server}");
    let client = format!("rt/to-telling/client/$/inet/127.0.0.1/{}", telling.port());
    let of_client = a.days_left(&world, &client);
    assert!((5.0..5.6).contains(&of_client), "{of_client}");
    for (hop, owner, days) in [(&a, "near", 5), (&b, "far", 9)] {
        let said = hop.process.said();
        let expected = format!("a certificate expires in {days} days");
        let mut warnings = said.lines().filter(|line| line.contains(&expected));
        let file = ours.text(&format!("{owner}.pem"));
        assert!(warnings.any(|line| line.contains(&file)), "{said}");
    }
}

/// What is wrong between two routers.
struct Wrong<'a> {
    /// Whose certificate the second one shows.
    shown_by_far: &'a str,
    /// Whom the first one trusts.
    trusted: &'a Authority,
    /// Who has issued what the first one shows.
    shown_by_near: Option<&'a Authority>,
    /// What the first one and its client are told.
    near: &'a str,
    /// What the second one finds.
    far: &'a str,
}

#[test]
fn whoever_is_refused_hears_why() {
    let world = World::new();
    let ours = Authority::new(&world, "ours").issue("other").issue("near");
    ours.issue_with("good", named);
    ours.issue_with("old", |params| {
        named(params);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let theirs = Authority::new(&world, "theirs").issue("near");
    let namesake = Authority::called(&world, "namesake", "ours").issue("near");
    let right = Wrong {
        shown_by_far: "good",
        trusted: &ours,
        shown_by_near: Some(&ours),
        near: "",
        far: "",
    };
    let cases = [
        Wrong {
            shown_by_far: "other",
            near: "its certificate is for localhost, 127.0.0.1, not for 127.0.0.1.hop.example",
            far: "it refused our certificate: it is corrupt, or for another name",
            ..right
        },
        Wrong {
            shown_by_far: "old",
            near: "its certificate has expired",
            far: "it refused our certificate: it has expired",
            ..right
        },
        Wrong {
            trusted: &theirs,
            near: "its certificate is signed by an authority that is not trusted",
            far: "it refused our certificate: it does not know the authority that signed it",
            ..right
        },
        Wrong {
            trusted: &namesake,
            near: "the trusted authority of that name has another key",
            far: "it refused our certificate: its signature is wrong, or its authority has another key there",
            ..right
        },
        Wrong {
            shown_by_near: None,
            near: "it refused our certificate: it wants one, and none was shown; set clientAuth",
            far: "it shows no certificate",
            ..right
        },
        Wrong {
            shown_by_near: Some(&theirs),
            near: "it refused our certificate: it does not know the authority that signed it",
            far: "its certificate is signed by an authority that is not trusted",
            ..right
        },
        Wrong {
            shown_by_near: Some(&namesake),
            near: "it refused our certificate: its signature is wrong, or its authority has another key there",
            far: "the trusted authority of that name has another key",
            ..right
        },
    ];
    let backend = world.backend("v1");
    // All share two processes; what they say is told apart by what is wrong.
    let labels: Vec<_> = (0..cases.len())
        .map(|case| format!("case-{case}"))
        .collect();
    let cases = || labels.iter().zip(&cases);
    let yaml = cases().map(|(label, case)| {
        let tls = ours.guarding(case.shown_by_far);
        far(label, &tls, backend.address(), "")
    });
    let b = Hop::start(&world, "b", &yaml.collect::<Vec<_>>());
    let yaml = cases().map(|(label, case)| {
        let shown = case.shown_by_near.map(|by| shows(by, "near"));
        let tls = (&*case.trusted.text("ca.pem"), &*shown.unwrap_or_default());
        near(label, tls, b.serves(label), "")
    });
    let a = Hop::start(&world, "a", &yaml.collect::<Vec<_>>());
    for (label, case) in cases() {
        // Many, because what is refused after the handshake meets the request on its way.
        for _ in 0..30 {
            let reply = get(&world, a.serves(label), &[]);
            assert_eq!(reply.status, 502, "{}", reply.body);
            assert_eq!(reply.header("l5d-retryable"), Some("true"));
            let told = plain(reply.header("l5d-err").expect("a reason"));
            assert!(told.contains(case.near), "{}: {told}", case.near);
        }
        for (hop, what, why) in [
            (&a, "request refused", case.near),
            (&b, "a TLS handshake failed", case.far),
        ] {
            until(why, WITHIN, || {
                let said = hop.process.said();
                said.lines()
                    .any(|line| line.contains(what) && line.contains(why))
            });
        }
    }
    assert_eq!(backend.requests(), 0);
}

/// What is said in `l5d-err`, as far as our reasons need it.
fn plain(encoded: &str) -> String {
    let signs = [("%2C", ","), ("%3A", ":"), ("%3B", ";"), ("+", " ")];
    signs.iter().fold(encoded.to_owned(), |text, (code, sign)| {
        text.replace(code, sign)
    })
}

/// Replaces a file as a whole.
fn replace(world: &World, file: &Path, content: &str) {
    let new = world.dir().join("new.pem");
    fs::write(&new, content).expect("it can be written");
    fs::rename(new, file).expect("it can be replaced");
}

fn read(authority: &Authority, file: &str) -> String {
    fs::read_to_string(authority.path(file)).expect("it can be read")
}

/// Whether a server answers who trusts the one authority and shows a certificate of the other.
fn lets_in(world: &World, server: SocketAddr, (trusted, shown): (&Authority, &Authority)) -> bool {
    let files = ClientTlsFiles {
        common_name: Some("127.0.0.1.hop.example".to_owned()),
        trust: vec![trusted.path("ca.pem")],
        client_auth: Some(ClientAuthFiles {
            cert: shown.path("near.pem"),
            key: shown.path("near.key"),
            intermediates: None,
        }),
        ..ClientTlsFiles::default()
    };
    let asked: Result<usize> = world.runtime().block_on(async {
        let tls = ClientTls::load(&files)?;
        let connector = Connector::new(Some(tls), WITHIN);
        let mut stream = connector.connect("127.0.0.1", server.port()).await?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            .await?;
        Ok(stream.read(&mut [0; 64]).await?)
    });
    matches!(asked, Ok(1..))
}

#[test]
fn certificates_and_authorities_are_replaced_while_requests_pass() {
    let world = World::new();
    // The next authority has the name of the last one, as the tools of many make it.
    let last = Authority::called(&world, "last", "the authority");
    let next = Authority::called(&world, "next", "the authority");
    let issue = |authority: &Authority, owner: &str, days: u32| {
        authority.issue_with(owner, |params| {
            named(params);
            lasts(params, days);
        });
    };
    issue(&last, "far", 100);
    issue(&last, "near", 100);
    issue(&last, "renewed", 200);
    issue(&next, "far", 300);
    issue(&next, "near", 300);
    // Those who prove in the end whom the routers trust do not know of the files that they look at.
    let live = Authority::called(&world, "live", "the authority");
    for file in ["ca.pem", "far.pem", "far.key", "near.pem", "near.key"] {
        replace(&world, &live.path(file), &read(&last, file));
    }
    let renew = |from: (&Authority, &str), owner: &str| {
        for part in ["key", "pem"] {
            let content = read(from.0, &format!("{}.{part}", from.1));
            replace(&world, &live.path(&format!("{owner}.{part}")), &content);
        }
    };

    let backend = world.backend("v1");
    let tls = live.guarding("far");
    let b = Hop::start(&world, "b", &[far("far", &tls, backend.address(), "")]);
    let server = b.serves("far");
    let tls = (&*live.text("ca.pem"), &*shows(&live, "near"));
    let patient = "      connectTimeoutMs: 10000\n";
    let brief = format!("{patient}      clientSession: {{lifeTimeMs: 1}}\n");
    let yaml = [
        near("kept", tls, server, patient),
        near("fresh", tls, server, &brief),
    ];
    let a = Hop::start(&world, "a", &yaml);
    let client = |label| format!("rt/{label}/client/$/inet/127.0.0.1/{}", server.port());
    let loads = ["kept", "fresh"].map(|label| {
        let handle = world.runtime().handle();
        Load::start(handle, a.serves(label), "web", 100, CONNECTIONS)
    });
    until("both have clients", WITHIN, || {
        loads.iter().all(|load| load.count() > 20)
    });
    // How long the certificates of both sides last, in days. To ask for it has the files looked at.
    let shown = || {
        [
            b.days_left(&world, "rt/far/server/127.0.0.1/0"),
            a.days_left(&world, &client("kept")),
            a.days_left(&world, &client("fresh")),
        ]
        .map(f64::floor)
    };
    let trust = |bundle: &str| {
        let read_before = [&a, &b].map(Hop::times_read);
        replace(&world, &live.path("ca.pem"), bundle);
        until("both trust what they are to trust", WITHIN, || {
            shown();
            let times = [&a, &b].map(Hop::times_read);
            times[0] >= read_before[0] + loads.len() && times[1] > read_before[1]
        });
    };
    assert_eq!(shown(), [100.0, 100.0, 100.0]);

    renew((&last, "renewed"), "far");
    until("the server is renewed", WITHIN, || {
        shown() == [200.0, 100.0, 100.0]
    });

    let [old, new] = [&last, &next].map(|authority| read(authority, "ca.pem"));
    assert!(!lets_in(&world, server, (&last, &next)));
    trust(&format!("{old}{new}"));
    renew((&next, "near"), "near");
    renew((&next, "far"), "far");
    until("all are renewed", WITHIN, || shown() == [300.0; 3]);
    trust(&new);
    assert!(lets_in(&world, server, (&next, &next)));
    assert!(!lets_in(&world, server, (&next, &last)));
    assert!(!lets_in(&world, server, (&last, &next)));

    let seen = loads.each_ref().map(Load::count);
    until("requests pass still", WITHIN, || {
        let now = loads.each_ref().map(Load::count);
        now[0] > seen[0] + 50 && now[1] > seen[1] + 50
    });
    let answers = loads.each_ref().map(Load::take);
    let failed: Vec<_> = answers
        .iter()
        .flatten()
        .filter(|answer| !answer.is("v1"))
        .collect();
    assert!(failed.is_empty(), "{} failed: {failed:?}", failed.len());
    let connects = ["kept", "fresh"].map(|label| {
        let metric = format!("{}/connects", client(label));
        a.metrics(&world)[&metric].as_u64().expect("a number")
    });
    assert!(connects[0] <= u64::from(CONNECTIONS), "{connects:?}");
    assert!(connects[1] >= answers[1].len() as u64 / 2, "{connects:?}");
}

/// Of each load.
const CONNECTIONS: u32 = 4;
