use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;
use crate::{Listener, Peer, SocketOptions};

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.sock");
    (folder, path)
}

fn listen(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
    Listener::bind_unix(path, mode, &SocketOptions::default())
}

#[tokio::test]
async fn a_file_that_was_left_behind_is_replaced_and_a_live_one_is_not() {
    let (_folder, path) = place();
    // The standard library leaves the file when the socket closes.
    drop(UnixListener::bind(&path).expect("a new file"));
    let listener = listen(&path, None).expect("nobody listens there");
    let _client = tokio::net::UnixStream::connect(&path)
        .await
        .expect("it listens");
    let (_stream, peer) = listener.accept().await;
    assert_eq!(peer, Peer::Unix);
    let error = listen(&path, None).expect_err("somebody listens there");
    assert_eq!(error.to_string(), "another process listens on it");
    assert!(path.exists());
}

#[tokio::test]
async fn a_file_that_is_no_socket_stays() {
    let (_folder, path) = place();
    fs::write(&path, "precious").expect("written");
    let error = listen(&path, None).expect_err("there is a file");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).expect("it is there"), b"precious");
}

#[tokio::test]
async fn the_mode_is_as_asked() {
    let (_folder, path) = place();
    let _listener = listen(&path, Some(0o640)).expect("a new file");
    let mode = fs::metadata(&path).expect("it is there").mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn a_file_in_its_place_is_not_removed() {
    let (_folder, path) = place();
    let first = UnixListener::bind(&path).expect("a new file");
    let file = SocketFile::at(&path).expect("it is there");
    let same = SocketFile::at(&path).expect("it is there");
    fs::rename(&path, path.with_extension("old")).expect("moved");
    let _second = UnixListener::bind(&path).expect("a new file");
    file.remove();
    assert!(path.exists());
    fs::rename(path.with_extension("old"), &path).expect("moved back");
    same.remove();
    assert!(!path.exists());
    drop(first);
}
