//! What a supervisor is told: systemd's notification protocol, `sd_notify(3)`, for units of `Type=notify` and `Type=notify-reload`.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// What has become of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It serves, for the first time or again.
    Ready,
    /// It reads its configuration again, or is about to be replaced.
    Reloading,
    /// It ends.
    Stopping,
    /// Another process serves in its stead, the one of this number.
    ReplacedBy(u32),
}

impl Condition {
    fn message(self) -> String {
        match self {
            Self::Ready => "READY=1".to_owned(),
            Self::Reloading => {
                let now = clock_gettime(ClockId::Monotonic);
                let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
                format!("RELOADING=1\nMONOTONIC_USEC={micros}")
            }
            Self::Stopping => "STOPPING=1".to_owned(),
            Self::ReplacedBy(process) => format!("READY=1\nMAINPID={process}"),
        }
    }
}

/// Tells the supervisor, if there is one that wants to know (`NOTIFY_SOCKET`). Nothing depends on its hearing it.
pub fn notify(condition: Condition) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else {
        return;
    };
    if let Err(error) = tell(socket.as_bytes(), &condition.message()) {
        tracing::warn!(%error, socket = %socket.display(), "cannot notify the supervisor");
    }
}

/// An address that begins with `@` is in the abstract name space.
fn tell(socket: &[u8], message: &str) -> io::Result<()> {
    let address = match socket {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    sender.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(receiver: &UnixDatagram, name: &[u8]) {
        tell(name, &Condition::ReplacedBy(7).message()).expect("somebody listens");
        let mut bytes = [0; 64];
        let length = receiver.recv(&mut bytes).expect("a message");
        assert_eq!(&bytes[..length], b"READY=1\nMAINPID=7");
    }

    #[test]
    fn the_supervisor_is_told_at_a_path() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notify");
        let receiver = UnixDatagram::bind(&path).expect("a socket");
        check(&receiver, path.as_os_str().as_bytes());
    }

    #[test]
    fn the_supervisor_is_told_at_an_abstract_address() {
        let name = format!("switchyard-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let receiver = UnixDatagram::bind_addr(&address).expect("a socket");
        check(&receiver, format!("@{name}").as_bytes());
    }

    #[test]
    fn a_reload_says_when_it_began() {
        let message = Condition::Reloading.message();
        let (first, time) = message.split_once('\n').expect("two lines");
        assert_eq!(first, "RELOADING=1");
        let time = time.strip_prefix("MONOTONIC_USEC=").expect("a time");
        assert!(time.parse::<u64>().expect("a number") > 0);
    }
}
