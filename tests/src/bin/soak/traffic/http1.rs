//! What clients do in HTTP/1.1.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::FutureExt as _;
use tests::{Bare, Heard};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Guest, Part};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) const PARTS: [Part; 8] = [
    Part {
        what: "a kept connection",
        clients: 20,
        pause: millis(5),
        visit: |guest| keep(guest).boxed(),
    },
    Part {
        what: "a connection for one request",
        clients: 5,
        pause: millis(25),
        visit: |guest| leave_at_once(guest).boxed(),
    },
    Part {
        what: "a body with a length",
        clients: 5,
        pause: millis(20),
        visit: |guest| post_length(guest).boxed(),
    },
    Part {
        what: "a body in chunks",
        clients: 5,
        pause: millis(20),
        visit: |guest| post_chunks(guest).boxed(),
    },
    Part {
        what: "an upgrade",
        clients: 20,
        pause: millis(50),
        visit: |guest| upgrade(guest).boxed(),
    },
    Part {
        what: "a CONNECT",
        clients: 5,
        pause: millis(50),
        visit: |guest| connect(guest).boxed(),
    },
    Part {
        what: "an error",
        clients: 4,
        pause: millis(50),
        visit: |guest| err(guest).boxed(),
    },
    Part {
        what: "a client that hangs up",
        clients: 4,
        pause: millis(50),
        visit: |guest| hang_up(guest).boxed(),
    },
];

/// How many requests a kept connection is kept for, and how often.
const KEPT: usize = 200;
const BETWEEN: Duration = millis(25);

/// How many names there are beside `web`.
const NAMES: [&str; 3] = ["web", "many/alpha", "many/beta"];

const BODY: usize = 16 * 1024;

async fn keep(guest: Guest) -> Result<()> {
    let mut bare = Bare::connect(guest.router).await?;
    for _ in 0..KEPT {
        let heard = bare.ask(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n").await?;
        assert_heard(&guest, &heard, 200)?;
        ensure!(heard.body == b"well", "another body: {}", heard.head);
        sleep(BETWEEN).await;
    }
    Ok(())
}

async fn leave_at_once(guest: Guest) -> Result<()> {
    for name in NAMES {
        let mut bare = Bare::connect(guest.router).await?;
        let rules = format!("/svc/web=>/svc/{name}");
        let rules = if name == "web" {
            String::new()
        } else {
            format!("l5d-dtab: {rules}\r\n")
        };
        let request =
            format!("GET http://web/ HTTP/1.1\r\nHost: web\r\n{rules}Connection: close\r\n\r\n");
        let heard = bare.ask(request.as_bytes()).await?;
        assert_heard(&guest, &heard, 200)?;
        ensure!(!heard.is_kept, "it is kept: {}", heard.head);
    }
    Ok(())
}

async fn post_length(guest: Guest) -> Result<()> {
    let mut bare = Bare::connect(guest.router).await?;
    let head = format!("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: {BODY}\r\n\r\n");
    let request = [head.as_bytes(), &[b'x'; BODY]].concat();
    for _ in 0..10 {
        let heard = bare.ask(&request).await?;
        assert_heard(&guest, &heard, 200)?;
        ensure!(heard.body == [b'x'; BODY], "another body: {}", heard.head);
    }
    Ok(())
}

async fn post_chunks(guest: Guest) -> Result<()> {
    let mut bare = Bare::connect(guest.router).await?;
    let head = "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{BODY:x}\r\n{}\r\n", "x".repeat(BODY));
    let request = [head, &chunk, &chunk, "0\r\n\r\n"].concat();
    for _ in 0..10 {
        let heard = bare.ask(request.as_bytes()).await?;
        assert_heard(&guest, &heard, 200)?;
        let data = heard.body.iter().filter(|byte| **byte == b'x').count();
        ensure!(data == 2 * BODY, "{data} bytes: {}", heard.head);
    }
    Ok(())
}

async fn upgrade(guest: Guest) -> Result<()> {
    let mut bare = Bare::connect(guest.router).await?;
    let request = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    let heard = bare.ask(request).await?;
    assert_heard(&guest, &heard, 101)?;
    let mut tunnel = bare.into_stream();
    for _ in 0..20 {
        tunnel.write_all(b"there and back").await?;
        let mut back = [0; 14];
        tunnel.read_exact(&mut back).await?;
        ensure!(&back == b"there and back", "another echo");
        sleep(BETWEEN).await;
    }
    Ok(())
}

async fn connect(guest: Guest) -> Result<()> {
    let mut bare = Bare::connect(guest.router).await?;
    let opened = bare
        .ask(b"CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n\r\n")
        .await?;
    assert_heard(&guest, &opened, 200)?;
    for _ in 0..10 {
        let heard = bare.ask(b"GET / HTTP/1.1\r\nHost: any\r\n\r\n").await?;
        assert_heard(&guest, &heard, 200)?;
        sleep(BETWEEN).await;
    }
    Ok(())
}

async fn err(guest: Guest) -> Result<()> {
    let requests: [(&[u8], u16); 5] = [
        (b"GET /bad HTTP/1.1\r\nHost: web\r\n\r\n", 500),
        (b"GET /broken HTTP/1.1\r\nHost: web\r\n\r\n", 502),
        (b"GET / HTTP/1.1\r\nHost: nobody\r\n\r\n", 502),
        (b"GET / HTTP/1.1\r\nHost: web\r\nl5d-dtab: /a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: web\r\nHost: web\r\n\r\n", 400),
    ];
    for (request, status) in requests {
        let mut bare = Bare::connect(guest.router).await?;
        let heard = bare.ask(request).await?;
        assert_heard(&guest, &heard, status)?;
    }
    Ok(())
}

/// In the middle of a head, of a body, and of what comes back.
async fn hang_up(guest: Guest) -> Result<()> {
    for part in [
        "GET / HTTP/1.1\r\nHost: we",
        "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "GET / HTTP/1.1\r\nHost: web\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(guest.router).await?;
        stream.write_all(part.as_bytes()).await?;
        sleep(millis(20)).await;
    }
    Ok(())
}

fn assert_heard(guest: &Guest, heard: &Heard, status: u16) -> Result<()> {
    let body = String::from_utf8_lossy(&heard.body);
    ensure!(heard.status == status, "{}{body:.500}", heard.head);
    guest.answered();
    Ok(())
}
