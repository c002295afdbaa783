//! A router, its backends and its clients, all on loopback. Everything but the router is blocking and plain, so that a test
//! reads as the bytes do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use config::RouterConfig;
use router::{ConfigFile, Process, Running};
use tokio::time::Instant;

/// How long a test waits for bytes that should come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A router that ends with the test.
pub(crate) struct World {
    running: Option<Running>,
}

impl World {
    /// A router with these rules.
    pub(crate) fn with_dtab(dtab: &str) -> Self {
        Self::with(&format!("  dtab: \"{}\"\n", dtab.replace('\n', " ")), "")
    }

    /// A router with more lines in its entry, and others at the top level.
    pub(crate) fn with(router: &str, top: &str) -> Self {
        let yaml = format!(
            "admin: {{port: 0}}\nrouters:\n- protocol: http\n  servers: [{{port: 0}}]\n{router}{top}"
        );
        Self::parse(&yaml)
    }

    /// A router with this configuration.
    pub(crate) fn parse(yaml: &str) -> Self {
        Self::of_workers(2, yaml)
    }

    /// A router with this configuration on so many cores.
    pub(crate) fn of_workers(workers: usize, yaml: &str) -> Self {
        let parsed = RouterConfig::parse("test.yaml", yaml);
        let (config, _) = parsed.unwrap_or_else(|complaints| panic!("{complaints}"));
        let process = Process {
            workers,
            ..Process::default()
        };
        Self {
            running: Some(process.start(&config).expect("the router starts")),
        }
    }

    /// A router whose configuration stands in this file, where it can be changed.
    pub(crate) fn from_file(path: &Path) -> Self {
        let file = ConfigFile::new(path.to_str().expect("a plain path"));
        let (config, _) = file.read().unwrap_or_else(|error| panic!("{error}"));
        let process = Process {
            workers: 2,
            config_file: Some(file),
            ..Process::default()
        };
        Self {
            running: Some(process.start(&config).expect("the router starts")),
        }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the router runs")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running().servers()[0].inet().expect("it has a port")
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.running().admin()
    }

    /// A new connection to the router.
    pub(crate) fn client(&self) -> Client {
        Client::to(self.address())
    }

    /// One GET on a connection of its own.
    pub(crate) fn get(&self, host: &str) -> Reply {
        self.client()
            .send(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    /// The router, for a test that ends it.
    pub(crate) fn take(mut self) -> Running {
        self.running.take().expect("the router runs")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown().request(Some(Duration::ZERO));
            running.run();
        }
    }
}

/// A connection, from either side.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: BufReader<S>,
}

impl Client {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::around(address, |stream| stream)
    }
}

impl<S: Read + Write> Client<S> {
    /// A connection to this address, with something around it.
    pub(crate) fn around(address: SocketAddr, around: impl FnOnce(TcpStream) -> S) -> Self {
        let stream = TcpStream::connect(address).expect("somebody listens");
        Self::over(stream, around)
    }

    fn over(stream: TcpStream, around: impl FnOnce(TcpStream) -> S) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream: BufReader::new(around(stream)),
        }
    }

    pub(crate) fn write(&mut self, bytes: &str) {
        self.stream
            .get_mut()
            .write_all(bytes.as_bytes())
            .expect("the other side reads");
    }

    /// Sends a request and reads the whole reply.
    pub(crate) fn send(&mut self, request: &str) -> Reply {
        self.write(request);
        self.read(request.starts_with("HEAD"))
    }

    /// Reads a message; `bare` when no body follows whatever its head says.
    pub(crate) fn read(&mut self, bare: bool) -> Reply {
        let head = self.read_head();
        let mut body = String::new();
        if bare {
        } else if head.has("transfer-encoding", "chunked") {
            while let Some(chunk) = self.read_chunk() {
                body.push_str(&chunk);
            }
        } else if let Some(length) = head.header("content-length") {
            body = self.read_bytes(length.parse().expect("a length"));
        }
        Reply { body, ..head }
    }

    /// Reads up to the empty line.
    pub(crate) fn read_head(&mut self) -> Reply {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.stream.read_line(&mut head).expect("a line comes");
            assert_ne!(read, 0, "the connection ended in a head: {head:?}");
        }
        Reply {
            head,
            body: String::new(),
        }
    }

    /// Reads one chunk; none at the last one.
    pub(crate) fn read_chunk(&mut self) -> Option<String> {
        let size = self.read_chunk_size();
        let chunk = self.read_bytes(size);
        assert_eq!(self.read_bytes(2), "\r\n");
        (size > 0).then_some(chunk)
    }

    /// Reads the line before a chunk.
    pub(crate) fn read_chunk_size(&mut self) -> usize {
        let mut size = String::new();
        self.stream.read_line(&mut size).expect("a chunk comes");
        usize::from_str_radix(size.trim(), 16).expect("a chunk's size")
    }

    pub(crate) fn read_bytes(&mut self, count: usize) -> String {
        String::from_utf8(self.read_raw(count)).expect("text")
    }

    pub(crate) fn read_raw(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).expect("the bytes come");
        bytes
    }

    /// Waits for the end of the connection: an orderly one or a reset.
    pub(crate) fn ends(&mut self) -> bool {
        match self.stream.read(&mut [0; 64]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// A message: its first line and headers as they came, and its body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).expect("a status line");
        status.parse().expect("a status")
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (line_name, value) = line.split_once(':')?;
            line_name.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.header(name) == Some(value)
    }

    pub(crate) fn first_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

/// An endpoint.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    /// The heads of the requests that it got.
    seen: Arc<Mutex<Vec<Reply>>>,
    connections: Arc<AtomicUsize>,
}

impl Backend {
    /// Answers every request with its name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::named_behind(name, |stream| stream)
    }

    /// The same, with something around its connections.
    pub(crate) fn named_behind<S: Read + Write>(
        name: &'static str,
        around: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    ) -> Self {
        Self::answering_behind(around, move |_| {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}",
                name.len()
            )
        })
    }

    /// Answers every request with what this makes of it.
    pub(crate) fn answering(answer: impl Fn(&Reply) -> String + Send + Sync + 'static) -> Self {
        Self::answering_behind(|stream| stream, answer)
    }

    /// The same, with something around its connections.
    pub(crate) fn answering_behind<S: Read + Write>(
        around: impl Fn(TcpStream) -> S + Send + Sync + 'static,
        answer: impl Fn(&Reply) -> String + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Mutex<Vec<Reply>>>::default();
        let noted = Arc::clone(&seen);
        let backend = Self::scripted_behind(around, move |mut connection| {
            while !connection.stream.fill_buf().unwrap_or_default().is_empty() {
                let request = connection.read(false);
                let answer = answer(&request);
                noted.lock().expect("not poisoned").push(request);
                connection.write(&answer);
            }
        });
        Self { seen, ..backend }
    }

    /// Does this with every connection.
    pub(crate) fn scripted(script: impl Fn(Client) + Send + Sync + 'static) -> Self {
        Self::scripted_behind(|stream| stream, script)
    }

    /// The same, with something around its connections.
    pub(crate) fn scripted_behind<S: Read + Write>(
        around: impl Fn(TcpStream) -> S + Send + Sync + 'static,
        script: impl Fn(Client<S>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let connections = Arc::<AtomicUsize>::default();
        let (script, counted) = (Arc::new((around, script)), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let script = Arc::clone(&script);
                counted.fetch_add(1, Ordering::Relaxed);
                let stream = stream.expect("a connection");
                thread::spawn(move || {
                    let (around, script) = &*script;
                    script(Client::over(stream, around));
                });
            }
        });
        Self {
            address,
            seen: Arc::default(),
            connections,
        }
    }

    /// Its name for a dtab.
    pub(crate) fn path(&self) -> String {
        inet(self.address)
    }

    /// The last request that it got.
    pub(crate) fn last(&self) -> Reply {
        self.seen
            .lock()
            .expect("not poisoned")
            .last()
            .cloned()
            .expect("a request came")
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().expect("not poisoned").len()
    }

    /// How many connections it got.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Addresses of `web` in a file, which can be changed.
pub(crate) struct Addresses(tempfile::TempDir);

impl Addresses {
    pub(crate) fn of(addresses: &[SocketAddr]) -> Self {
        let these = Self(tempfile::tempdir().expect("a folder"));
        these.change(addresses);
        these
    }

    pub(crate) fn change(&self, addresses: &[SocketAddr]) {
        let weighted: Vec<_> = addresses.iter().map(|address| (*address, 1.0)).collect();
        self.weigh(&weighted);
    }

    pub(crate) fn weigh(&self, addresses: &[(SocketAddr, f64)]) {
        let lines = addresses
            .iter()
            .map(|(address, weight)| format!("{} {} * {weight}\n", address.ip(), address.port()));
        let folder = self.0.path();
        std::fs::write(folder.join("new"), lines.collect::<String>()).expect("written");
        std::fs::rename(folder.join("new"), folder.join("web")).expect("renamed");
    }

    /// Where the file is.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A router that knows them, with more lines in its entry.
    pub(crate) fn world(&self, router: &str) -> World {
        World::with(
            &format!("  dtab: \"/svc => {FILES}\"\n{router}"),
            &format!(
                "namers:\n- {{kind: io.l5d.fs, rootDir: {}}}\n",
                self.0.path().display()
            ),
        )
    }
}

/// Where the dtab of a router with files leads.
const FILES: &str = "/#/io.l5d.fs";

/// An address as a dtab names it.
pub(crate) fn inet(address: SocketAddr) -> String {
    format!("/$/inet/{}/{}", address.ip(), address.port())
}

/// Waits until this holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads everything and answers nothing, until the other side has had enough; then it says so.
pub(crate) fn silent() -> (Backend, mpsc::Receiver<Instant>) {
    let (told, tells) = mpsc::sync_channel(1000);
    let backend = Backend::scripted(move |mut connection| {
        while !connection.ends() {}
        let _ = told.send(Instant::now());
    });
    (backend, tells)
}

/// Holds its answers back until it may give them.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().expect("not poisoned") = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let guard = self.0.0.lock().expect("not poisoned");
        let (_open, waited) = self
            .0
            .1
            .wait_timeout_while(guard, PATIENCE, |is_open| !*is_open)
            .expect("not poisoned");
        assert!(!waited.timed_out());
    }
}

/// An endpoint that does.
pub(crate) fn stuck() -> (Backend, Gate) {
    let gate = Gate::default();
    let waits = gate.clone();
    let backend = Backend::answering(move |_| {
        waits.pass();
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nweb".to_owned()
    });
    (backend, gate)
}

/// An address where nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound")
}
