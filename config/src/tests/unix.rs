//! Servers on Unix sockets.

use super::{read, router};
use crate::Listens;

#[test]
fn a_server_may_listen_on_a_file() {
    let config = read(
        "routers: [{protocol: http, servers: [{unixPath: /app.sock, unixMode: 0660}, {unixPath: /b.sock, unixMode: \"640\"}, {unixPath: /c.sock}]}]",
    );
    let modes = config.routers[0].servers.iter().map(|server| {
        let Listens::Unix(socket) = &server.listens else {
            panic!("{:?}", server.listens);
        };
        socket.mode
    });
    let modes: Vec<_> = modes.collect();
    assert_eq!(modes, [Some(0o660), Some(0o640), None]);
    let shown = serde_json::to_value(&config.routers[0].servers[0]).expect("JSON");
    assert_eq!(shown["unixPath"], "/app.sock");
    assert_eq!(shown["unixMode"], "0660");
    assert!(shown.get("port").is_none(), "{shown}");
}

#[test]
fn a_file_is_judged_before_it_is_used() {
    insta::assert_snapshot!(
        router(
            r"
            routers:
            - protocol: http
              servers:
              - {unixPath: run/app.sock}
              - {unixPath: /no/folder/app.sock}
              - {unixPath: /a.sock, port: 4140, ip: 0.0.0.0}
              - {unixPath: /b.sock, unixMode: rw}
              - {unixPath: /c.sock, socketOptions: {noDelay: false, reuseAddr: true, keepAlive: true}}
              - {port: 4140, unixMode: 0660}
              - {unixPath: //c.sock}
            "
        ),
        @r#"
        error: `unixPath` must be an absolute path
         --> router.yaml:4:16
          |
        4 |   - {unixPath: run/app.sock}
          |                ^^^^^^^^^^^^
          |
          = help: begin it with a slash

        error: `unixPath` names `/no/folder/app.sock`, whose folder does not exist
         --> router.yaml:5:16
          |
        5 |   - {unixPath: /no/folder/app.sock}
          |                ^^^^^^^^^^^^^^^^^^^
          |
          = help: make the folder first

        error: `unixPath` and `port` exclude each other
         --> router.yaml:6:25
          |
        6 |   - {unixPath: /a.sock, port: 4140, ip: 0.0.0.0}
          |                         ^^^^
          |
          = help: make two servers of it

        error: `unixPath` and `ip` exclude each other
         --> router.yaml:6:37
          |
        6 |   - {unixPath: /a.sock, port: 4140, ip: 0.0.0.0}
          |                                     ^^
          |
          = help: make two servers of it

        error: `unixMode` must be the permissions of a file, not `rw`
         --> router.yaml:7:35
          |
        7 |   - {unixPath: /b.sock, unixMode: rw}
          |                                   ^^
          |
          = help: write three octal digits behind a zero, such as "0660"

        error: `noDelay` means nothing to a Unix socket
         --> router.yaml:8:50
          |
        8 |   - {unixPath: /c.sock, socketOptions: {noDelay: false, reuseAddr: true, keepAlive: true}}
          |                                                  ^^^^^
          |
          = help: leave it out

        error: `keepAlive` means nothing to a Unix socket
         --> router.yaml:8:85
          |
        8 |   - {unixPath: /c.sock, socketOptions: {noDelay: false, reuseAddr: true, keepAlive: true}}
          |                                                                                     ^^^^
          |
          = help: leave it out

        error: `unixMode` is for servers that have a `unixPath`
         --> router.yaml:9:18
          |
        9 |   - {port: 4140, unixMode: 0660}
          |                  ^^^^^^^^
          |
          = help: leave it out

        error: //c.sock is taken: router `http` listens on /c.sock
          --> router.yaml:10:16
           |
        10 |   - {unixPath: //c.sock}
           |                ^^^^^^^^
           |
           = help: choose another `unixPath`
        "#
    );
}
