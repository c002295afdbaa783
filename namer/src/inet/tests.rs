use std::collections::HashMap;
use std::sync::Mutex;

use hickory_resolver::proto::rr::Name;
use live::State;
use tokio::net::UdpSocket;

use super::*;

const A: u16 = 1;
const AAAA: u16 = 28;

const QUICK: Pace = Pace {
    found: (Duration::from_millis(20), Duration::from_secs(300)),
    missing: (Duration::from_millis(20), Duration::from_secs(30)),
    otherwise: Duration::from_millis(20),
    retry: (Duration::from_millis(10), Duration::from_millis(40)),
};

#[derive(Clone)]
enum Answer {
    Addresses(Vec<IpAddr>, u32),
    Failure,
}

/// A name server on loopback that answers from a map. Other names do not exist.
struct Server {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    task: live::Task<()>,
}

#[derive(Default)]
struct Zone {
    answers: HashMap<String, Answer>,
    asked: HashMap<(String, u16), usize>,
}

impl Server {
    async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let zone = Arc::new(Mutex::new(Zone::default()));
        let answering = Arc::clone(&zone);
        let task = live::task("name server", async move {
            let mut buffer = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let reply = answering.lock().unwrap().reply(&buffer[..length]);
                socket.send_to(&reply, client).await.unwrap();
            }
        });
        Self {
            address,
            zone,
            task,
        }
    }

    fn set(&self, name: &str, ips: &[&str], ttl: u32) {
        let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        self.answer(name, Answer::Addresses(ips, ttl));
    }

    fn answer(&self, name: &str, answer: Answer) {
        let mut zone = self.zone.lock().unwrap();
        zone.answers.insert(name.to_owned(), answer);
    }

    fn remove(&self, name: &str) {
        self.zone.lock().unwrap().answers.remove(name);
    }

    fn asked(&self, name: &str, family: u16) -> usize {
        let zone = self.zone.lock().unwrap();
        zone.asked
            .get(&(name.to_owned(), family))
            .copied()
            .unwrap_or(0)
    }

    fn inet(&self) -> Inet {
        self.inet_searching(&[])
    }

    fn inet_searching(&self, search: &[&str]) -> Inet {
        let search = search.iter().map(|name| name.parse::<Name>().unwrap());
        let dns = Dns::with_servers(vec![self.address], search.collect(), QUICK);
        Inet::new(dns, None, QUICK)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Zone {
    /// Source: RFC 1035 §4.1.
    fn reply(&mut self, query: &[u8]) -> Vec<u8> {
        let mut labels = Vec::new();
        let mut end = 12;
        while query[end] != 0 {
            let next = end + 1 + usize::from(query[end]);
            labels.push(String::from_utf8(query[end + 1..next].to_vec()).unwrap());
            end = next;
        }
        let name = labels.join(".").to_lowercase();
        let family = u16::from_be_bytes([query[end + 1], query[end + 2]]);
        let question = &query[12..end + 5];
        *self.asked.entry((name.clone(), family)).or_default() += 1;

        let (code, ips, ttl) = match self.answers.get(&name) {
            None => (3, Vec::new(), 0),
            Some(Answer::Failure) => (2, Vec::new(), 0),
            Some(Answer::Addresses(ips, ttl)) => (0, ips.clone(), *ttl),
        };
        let ips: Vec<_> = ips
            .into_iter()
            .filter(|ip| ip.is_ipv4() == (family == A))
            .collect();
        let count = u8::try_from(ips.len()).unwrap();
        let mut reply = query[..2].to_vec();
        reply.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
        reply.extend(question);
        for ip in ips {
            let data = match ip {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            reply.extend([0xc0, 12]);
            reply.extend(family.to_be_bytes());
            reply.extend([0, 1]);
            reply.extend(ttl.to_be_bytes());
            reply.extend([0, u8::try_from(data.len()).unwrap()]);
            reply.extend(data);
        }
        reply
    }
}

/// Waits until the addresses are shown like this.
#[track_caller]
fn until(live: &Live<Addresses>, shown: &'static str) -> impl Future<Output = ()> {
    let mut live = live.clone();
    async move {
        let mut last = String::new();
        let wait = async {
            while last != shown {
                last = show(&*live.changed().await);
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), wait).await;
        assert!(in_time.is_ok(), "expected {shown}, have {last}");
    }
}

fn show(state: &State<Addresses>) -> String {
    let value = state.value().map(|addresses| match &**addresses {
        Addresses::Neg => "neg".to_owned(),
        Addresses::Bound(set) => {
            let endpoints = set.endpoints.iter();
            let shown: Vec<_> = endpoints.map(|e| e.address.to_string()).collect();
            shown.join(" ")
        }
    });
    match (value, state.failure()) {
        (None, None) => "pending".to_owned(),
        (None, Some(_)) => "failed".to_owned(),
        (Some(value), None) => value,
        (Some(value), Some(_)) => format!("stale {value}"),
    }
}

#[tokio::test]
async fn addresses_of_both_families_come_and_go() {
    let server = Server::start().await;
    server.set("web.test", &["10.0.0.1", "fd00::1"], 0);
    let live = server.inet().addresses("web.test", 80, false);
    until(&live, "10.0.0.1:80 [fd00::1]:80").await;
    server.set("web.test", &["10.0.0.2", "10.0.0.1"], 0);
    until(&live, "10.0.0.1:80 10.0.0.2:80").await;
    server.set("web.test", &[], 0);
    until(&live, "neg").await;
    server.set("web.test", &["fd00::9"], 0);
    until(&live, "[fd00::9]:80").await;
    server.remove("web.test");
    until(&live, "neg").await;
    server.set("web.test", &["10.0.0.3"], 0);
    until(&live, "10.0.0.3:80").await;
}

#[tokio::test]
async fn trouble_keeps_the_last_good_set_and_passes() {
    let server = Server::start().await;
    server.answer("web.test", Answer::Failure);
    let live = server.inet().addresses("web.test", 80, false);
    until(&live, "failed").await;
    server.set("web.test", &["10.0.0.1"], 0);
    until(&live, "10.0.0.1:80").await;
    server.answer("web.test", Answer::Failure);
    until(&live, "stale 10.0.0.1:80").await;
    server.set("web.test", &["10.0.0.2"], 0);
    until(&live, "10.0.0.2:80").await;
}

#[tokio::test]
async fn nothing_is_asked_again_before_it_expires() {
    let server = Server::start().await;
    server.set("long.test", &["10.0.0.1", "fd00::1"], 300);
    server.set("short.test", &["10.0.1.0"], 0);
    let inet = server.inet();
    let long = inet.addresses("long.test", 80, false);
    let short = inet.addresses("short.test", 80, false);
    until(&long, "10.0.0.1:80 [fd00::1]:80").await;
    server.set("long.test", &["10.0.0.2"], 300);
    until(&short, "10.0.1.0:80").await;
    server.set("short.test", &["10.0.1.1"], 0);
    until(&short, "10.0.1.1:80").await;
    server.set("short.test", &["10.0.1.2"], 0);
    until(&short, "10.0.1.2:80").await;
    until(
        &inet.addresses("LONG.test", 90, false),
        "10.0.0.1:90 [fd00::1]:90",
    )
    .await;
    assert_eq!(server.asked("long.test", A), 1);
    assert_eq!(server.asked("long.test", AAAA), 1);
    assert!(server.asked("short.test", A) >= 3);
}

#[tokio::test]
async fn what_is_cached_for_ever_is_asked_until_it_is_found() {
    let server = Server::start().await;
    server.set("other.test", &["10.0.1.0"], 0);
    let inet = server.inet();
    let live = inet.addresses("web.test", 80, true);
    until(&live, "neg").await;
    server.set("web.test", &["10.0.0.1"], 0);
    until(&live, "10.0.0.1:80").await;
    let asked = server.asked("web.test", A);
    server.set("web.test", &["10.0.0.2"], 0);
    let other = inet.addresses("other.test", 80, false);
    until(&other, "10.0.1.0:80").await;
    server.set("other.test", &["10.0.1.1"], 0);
    until(&other, "10.0.1.1:80").await;
    assert_eq!(server.asked("web.test", A), asked);
    assert_eq!(show(&live.now()), "10.0.0.1:80");
}

#[tokio::test]
async fn the_search_list_is_tried_and_a_failure_in_it_is_not_taken_for_absence() {
    let server = Server::start().await;
    server.answer("web.one.test", Answer::Failure);
    let inet = server.inet_searching(&["one.test", "two.test"]);
    let live = inet.addresses("web", 80, false);
    until(&live, "failed").await;
    server.set("web.two.test", &["10.0.0.2"], 0);
    until(&live, "10.0.0.2:80").await;
    server.remove("web.two.test");
    until(&live, "stale 10.0.0.2:80").await;
    server.remove("web.one.test");
    until(&live, "neg").await;
    let whole = inet.addresses("web.", 80, false);
    server.set("web", &["10.0.0.3"], 0);
    until(&whole, "10.0.0.3:80").await;
}

#[tokio::test]
async fn the_hosts_file_comes_first_and_is_followed() {
    let server = Server::start().await;
    server.set("db.test", &["10.0.0.1"], 0);
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "10.9.9.9 db.test\n").unwrap();
    let dns = Dns::with_servers(vec![server.address], Vec::new(), QUICK);
    let inet = Inet::new(dns, Some(hosts.clone()), QUICK);
    let live = inet.addresses("db.test", 80, false);
    until(&live, "10.9.9.9:80").await;
    assert_eq!(server.asked("db.test", AAAA), 0);
    std::fs::write(&hosts, "").unwrap();
    until(&live, "10.0.0.1:80").await;
}

#[tokio::test]
async fn several_hosts_are_one_set() {
    let server = Server::start().await;
    server.set("web.test", &["10.0.0.1"], 0);
    let inet = server.inet();
    let all = |hosts: &[(&str, u16)]| {
        let hosts: Vec<_> = hosts
            .iter()
            .map(|(host, port)| HostPort {
                host: (*host).to_owned(),
                port: *port,
            })
            .collect();
        inet.all(&hosts, false)
    };
    let some = all(&[("web.test", 80), ("10.0.0.2", 81), ("gone.test", 90)]);
    until(&some, "10.0.0.1:80 10.0.0.2:81").await;
    until(&all(&[("gone.test", 80), ("h.test", 90)]), "neg").await;
    server.answer("broken.test", Answer::Failure);
    until(&all(&[("gone.test", 80), ("broken.test", 90)]), "failed").await;
}

#[tokio::test]
async fn literals_and_loopback_need_nobody() {
    let inet = Inet::with_servers(Vec::new());
    for (host, shown) in [
        ("10.1.2.3", "10.1.2.3:80"),
        ("127.1", "127.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("", "127.0.0.1:80"),
        ("localhost", "127.0.0.1:80"),
    ] {
        let now = inet.addresses(host, 80, false).now();
        assert_eq!(show(&now), shown, "{host}");
    }
}

#[tokio::test]
async fn all_who_ask_share_the_answer() {
    let server = Server::start().await;
    let inet = server.inet();
    let live = inet.addresses("web.test", 80, false);
    assert!(live.is_same(&inet.clone().addresses("WEB.test", 80, false)));
    assert!(!live.is_same(&inet.addresses("web.test", 81, false)));
    assert!(!live.is_same(&inet.addresses("web.test", 80, true)));
}

#[test]
fn waits_grow_and_differ() {
    for (failures, longest) in [(1, 0.2), (2, 0.4), (5, 3.2), (6, 5.0), (60, 5.0)] {
        let wait = backoff(PACE.retry, failures).as_secs_f64();
        assert!(
            wait >= longest / 2.0 && wait <= longest,
            "{failures}: {wait}"
        );
    }
}
