//! What Linkerd 1's namerctl, written in Go, says over HTTP is understood, byte for byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use tests::World;

/// An answer must come so soon.
const SOON: Duration = Duration::from_secs(5);

/// What Go's HTTP client puts into each request of its own.
const GO: &str = "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n";

/// A kept-alive connection that carries requests as Go's client writes them.
struct GoClient {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// Status, `ETag` and body of an answer.
type Answer = (u16, Option<String>, String);

impl GoClient {
    fn connect(host: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(SOON))?;
        let stream = BufReader::new(stream);
        Ok(Self { stream, host })
    }

    fn get(&mut self, path: &str) -> Result<Answer> {
        let host = self.host;
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n{GO}\r\n"
        ))
    }

    fn delete(&mut self, path: &str) -> Result<Answer> {
        let host = self.host;
        self.ask(&format!(
            "DELETE {path} HTTP/1.1\r\nHost: {host}\r\n{GO}\r\n"
        ))
    }

    fn send(&mut self, line: &str, headers: &str, body: &str) -> Result<Answer> {
        let (host, length) = (self.host, body.len());
        self.ask(&format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}{GO}\r\n{body}"
        ))
    }

    fn ask(&mut self, request: &str) -> Result<Answer> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).context("a status")?.parse()?;
        let (mut length, mut tag) = (0, None);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "etag" => tag = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, tag, String::from_utf8(body)?))
    }
}

const JSON: &str = "Content-Type: application/json\r\n";

const DTAB: &str = "Content-Type: application/dtab\r\n";

#[test]
fn what_the_go_namerctl_sends_is_understood() -> Result<()> {
    let mut world = World::new();
    world.start_namerd();
    let mut go = GoClient::connect(world.namerds[0].http())?;
    assert_eq!(go.get("/api/1/dtabs")?, (200, None, "[]\n".to_owned()));

    // Go's encoder escapes what HTML could take for its own.
    let body = r#"[{"prefix":"/svc","dst":"1 * /a \u0026 2 * /b"}]"#;
    let (status, first, _) = go.send("POST /api/1/dtabs/web", JSON, body)?;
    assert_eq!(status, 204);
    let (status, _, _) = go.send("POST /api/1/dtabs/web", JSON, body)?;
    assert_eq!(status, 409);
    let (status, tag, shown) = go.get("/api/1/dtabs/web")?;
    assert_eq!((status, &tag), (200, &first));
    assert_eq!(shown, "[{\"prefix\":\"/svc\",\"dst\":\"/a & 2.00*/b\"}]\n");

    let first = format!("{DTAB}If-Match: {}\r\n", first.context("a version")?);
    let text = "# by hand\n/svc => /c ;\n";
    let (status, second, _) = go.send("PUT /api/1/dtabs/web", &first, text)?;
    assert_eq!(status, 204);
    let (status, current, _) = go.send("PUT /api/1/dtabs/web", &first, text)?;
    assert_eq!((status, current), (412, second));
    let (status, _, _) = go.send("PUT /api/1/dtabs/web", DTAB, "")?;
    assert_eq!(status, 204, "without a version, and an empty dtab");
    let (_, _, shown) = go.get("/api/1/dtabs/web")?;
    assert_eq!(shown, "[]\n");
    let (status, _, why) = go.send("PUT /api/1/dtabs/web", DTAB, "/svc = /c")?;
    assert_eq!(status, 400, "{why}");

    assert_eq!(
        go.get("/api/1/dtabs")?,
        (200, None, "[\"web\"]\n".to_owned())
    );
    assert_eq!(go.delete("/api/1/dtabs/web")?.0, 204);
    assert_eq!(go.delete("/api/1/dtabs/web")?.0, 404);
    assert_eq!(go.get("/api/1/dtabs/web")?.0, 404);
    Ok(())
}
