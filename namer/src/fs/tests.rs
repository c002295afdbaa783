use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use live::State;
use tempfile::TempDir;

use super::*;

/// A namer over a folder of its own.
struct World {
    folder: TempDir,
    namer: FsNamer,
}

impl World {
    fn new() -> Self {
        Self::over("")
    }

    /// A namer over a folder in the folder, whether or not it exists.
    fn over(root: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let namer = FsNamer::new(
            Path::parse("/#/io.l5d.fs").unwrap(),
            folder.path().join(root),
            Inet::with_servers(Vec::new()),
        );
        Self { folder, namer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn folder(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
    }

    fn link(&self, target: &str, name: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    fn lookup(&self, path: &str, reads: &mut Reads) -> Option<Bound> {
        match self.namer.lookup(&Path::parse(path).unwrap(), reads) {
            Answer::Tree(NameTree::Leaf(Name::Bound(bound))) => Some(bound),
            Answer::Tree(NameTree::Neg) => None,
            other => panic!("{other:?}"),
        }
    }

    fn bound(&self, path: &str) -> Bound {
        self.lookup(path, &mut Reads::default()).unwrap()
    }

    /// Waits until a path is bound to this id and residual, or to nothing.
    async fn until(&self, path: &str, shown: &str) {
        let mut last = String::new();
        let mut reads = Reads::default();
        let wait = async {
            loop {
                let mut next = Reads::default();
                let bound = self.lookup(path, &mut next);
                last = bound.map_or_else(
                    || "neg".to_owned(),
                    |b| format!("{} + {}", b.id, b.residual),
                );
                if last == shown {
                    return;
                }
                drop(std::mem::replace(&mut reads, next));
                reads.changed().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), wait).await;
        assert!(in_time.is_ok(), "expected {shown}, have {last}");
    }
}

/// Waits until the addresses are these, and gives all that they were on the way.
async fn until(live: &mut Live<Addresses>, shown: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let wait = async {
        loop {
            seen.push(show(&*live.changed().await));
            if seen.last().is_some_and(|last| last == shown) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), wait).await;
    assert!(in_time.is_ok(), "expected {shown}, have {seen:?}");
    seen
}

fn show(state: &State<Addresses>) -> String {
    let value = state.value().map(|addresses| match &**addresses {
        Addresses::Neg => "neg".to_owned(),
        Addresses::Bound(set) => {
            let endpoints = set.endpoints.iter();
            let shown: Vec<_> = endpoints
                .map(|e| format!("{}*{}", e.address, e.weight))
                .collect();
            format!("[{}]", shown.join(" "))
        }
    });
    match (value, state.failure()) {
        (None, None) => "pending".to_owned(),
        (None, Some(failure)) => format!("failed: {}", failure.reason),
        (Some(value), None) => value,
        (Some(value), Some(failure)) => format!("stale {value}: {}", failure.reason),
    }
}

#[tokio::test]
async fn a_file_is_an_id_and_what_follows_is_residual() {
    let world = World::new();
    world.folder("eu");
    world.write("web", "");
    world.write("eu/web", "");
    world.until("/web", "/#/io.l5d.fs/web + /").await;
    world.until("/web/a/b", "/#/io.l5d.fs/web + /a/b").await;
    world.until("/eu/web/a", "/#/io.l5d.fs/eu/web + /a").await;
    for nowhere in [
        "/",
        "/eu",
        "/api",
        "/eu/api",
        "/./web",
        "/eu/../web",
        r"/eu\x2fweb",
    ] {
        world.until(nowhere, "neg").await;
    }
}

#[tokio::test]
async fn files_and_folders_come_and_go() {
    let world = World::new();
    tokio::join!(
        world.until("/eu/west/web/x", "/#/io.l5d.fs/eu/west/web + /x"),
        async {
            world.until("/eu/west/web/x", "neg").await;
            world.folder("eu");
            world.folder("eu/west");
            world.write("eu/west/web", "10.0.0.1 80");
        }
    );
    let mut live = world.bound("/eu/west/web").addresses;
    until(&mut live, "[10.0.0.1:80*1]").await;
    tokio::join!(world.until("/eu/west/web", "neg"), async {
        world.rename("eu", "us");
    });
    until(&mut live, "neg").await;
    world.folder("eu");
    world.folder("eu/west");
    world.write("eu/west/web", "10.0.0.2 80");
    until(&mut live, "[10.0.0.2:80*1]").await;
    fs::remove_dir_all(world.path("eu")).unwrap();
    until(&mut live, "neg").await;
    world.rename("us", "eu");
    until(&mut live, "[10.0.0.1:80*1]").await;
}

#[tokio::test]
async fn a_root_that_comes_later_is_seen() {
    let world = World::over("etc/disco");
    tokio::join!(world.until("/web", "/#/io.l5d.fs/web + /"), async {
        world.until("/web", "neg").await;
        world.folder("etc");
        world.folder("etc/disco");
        world.write("etc/disco/web", "");
    });
}

#[tokio::test]
async fn every_way_of_saving_is_seen() {
    let world = World::new();
    world.write("web", "10.0.0.1 80\n");
    let mut live = world.bound("/web").addresses;
    until(&mut live, "[10.0.0.1:80*1]").await;

    // In place, emptied first.
    world.write("web", "10.0.0.2 80\n10.0.0.3 80 * 0.5\n");
    until(&mut live, "[10.0.0.2:80*1 10.0.0.3:80*0.5]").await;

    // A new file over it.
    world.write("web.new", "10.0.0.4 80\n");
    world.rename("web.new", "web");
    until(&mut live, "[10.0.0.4:80*1]").await;

    // The old file kept as a backup, and a new one made.
    world.rename("web", "web~");
    world.write("web", "10.0.0.5 80\n");
    until(&mut live, "[10.0.0.5:80*1]").await;

    // A link over it.
    world.write("web-2", "10.0.0.6 80\n");
    world.link("web-2", "web.link");
    world.rename("web.link", "web");
    until(&mut live, "[10.0.0.6:80*1]").await;

    // What the link leads to.
    world.write("web-2", "10.0.0.7 80\n");
    until(&mut live, "[10.0.0.7:80*1]").await;
}

#[tokio::test]
async fn a_swapped_config_map_is_seen() {
    let world = World::over("mount");
    world.folder("mount");
    world.folder("mount/..1");
    world.write("mount/..1/web", "10.0.0.1 80\n");
    world.link("..1", "mount/..data");
    world.link("..data/web", "mount/web");
    let mut live = world.bound("/web").addresses;
    until(&mut live, "[10.0.0.1:80*1]").await;
    for number in 2..5 {
        world.folder(&format!("mount/..{number}"));
        world.write(
            &format!("mount/..{number}/web"),
            &format!("10.0.0.{number} 80\n"),
        );
        world.link(&format!("..{number}"), "mount/..data_tmp");
        world.rename("mount/..data_tmp", "mount/..data");
        fs::remove_dir_all(world.path(&format!("mount/..{}", number - 1))).unwrap();
        let seen = until(&mut live, &format!("[10.0.0.{number}:80*1]")).await;
        assert_eq!(seen.len(), 1, "{seen:?}");
    }
}

#[tokio::test]
async fn a_link_to_a_folder_elsewhere_is_followed_when_it_is_swapped() {
    let world = World::over("disco");
    for release in ["one", "two"] {
        world.folder(release);
        world.write(&format!("{release}/web"), &format!("{release}.test 80"));
    }
    world.link("one", "current");
    world.folder("disco");
    let target = world.path("current");
    symlink(target, world.path("disco/eu")).unwrap();
    world.until("/eu/web", "/#/io.l5d.fs/eu/web + /").await;
    world.write("one/web", "10.0.0.1 80");
    let mut live = world.bound("/eu/web").addresses;
    until(&mut live, "[10.0.0.1:80*1]").await;
    world.write("two/web", "10.0.0.2 80");
    world.link("two", "current.new");
    world.rename("current.new", "current");
    until(&mut live, "[10.0.0.2:80*1]").await;
}

#[tokio::test]
async fn links_in_a_circle_are_told_of() {
    let world = World::new();
    world.link("b", "a");
    world.link("a", "b");
    let path = Path::parse("/a").unwrap();
    let answer = world.namer.lookup(&path, &mut Reads::default());
    assert!(matches!(answer, Answer::Failed(why) if why.contains("too many links")));
}

#[tokio::test]
async fn bad_lines_cost_themselves_and_a_file_of_nothing_else_keeps_the_last_good_set() {
    let world = World::new();
    world.write("web", "10.0.0.1 80\nnonsense\n10.0.0.2 http\n10.0.0.3 80\n");
    let mut live = world.bound("/web").addresses;
    until(&mut live, "[10.0.0.1:80*1 10.0.0.3:80*1]").await;
    world.write("web", "{\"web\": []}\n");
    until(
        &mut live,
        "stale [10.0.0.1:80*1 10.0.0.3:80*1]: no line of the file is good; line 1: \
         `[]}` is not a port from 1 to 65535",
    )
    .await;
    world.write("web", "");
    until(&mut live, "[]").await;
    world.write("web", &"# comment\n".repeat(50_001));
    until(
        &mut live,
        "stale []: file of 500010 bytes, more than 500 kB",
    )
    .await;
}

#[tokio::test]
async fn a_host_without_addresses_costs_its_line() {
    let world = World::new();
    // No name server: looking the host up fails.
    world.write("web", "web.test 80\n127.1 80 * 2\n");
    let mut live = world.bound("/web").addresses;
    until(&mut live, "[127.0.0.1:80*2]").await;
    world.write("web", "web.test 80\n");
    let seen = until(
        &mut live,
        "stale [127.0.0.1:80*2]: no connections available",
    )
    .await;
    assert!(!seen.contains(&"[]".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn the_entries_are_listed_as_they_come_and_go() {
    let world = World::new();
    world.write("web", "");
    world.folder("eu");
    world.write(".web.swp", "");
    let mut names = world.namer.names().unwrap();
    let mut until = async |expected: &str| {
        let wait = async {
            loop {
                let state = names.changed().await;
                let Some(names) = state.value() else { continue };
                let shown: Vec<_> = names.iter().map(ToString::to_string).collect();
                if shown.join(" ") == expected {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), wait).await;
        assert!(in_time.is_ok(), "{expected} not seen");
    };
    until("/#/io.l5d.fs/eu /#/io.l5d.fs/web").await;
    fs::remove_file(world.path("web")).unwrap();
    until("/#/io.l5d.fs/eu").await;
    world.write("eu2", "");
    until("/#/io.l5d.fs/eu /#/io.l5d.fs/eu2").await;
}
