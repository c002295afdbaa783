use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn name(used_at: u64, id: &str) -> KnownName {
    let bound = wire::BoundName {
        id: path(id).into(),
        residual: path("/rest"),
    };
    let leaf = |weight| {
        NameTree::Leaf(dtab::Leaf {
            bound: bound.clone(),
            weight,
        })
    };
    let branch = |weight: f64, tree| dtab::Weighted { weight, tree };
    let tree = NameTree::Alt(vec![
        NameTree::Union(vec![
            branch(0.1, leaf(Some(0.1))),
            branch(0.9, NameTree::Empty),
            branch(0.0, NameTree::Fail),
        ]),
        leaf(None),
        NameTree::Neg,
    ]);
    KnownName {
        tree: KnownTree::Past(Arc::new(tree)),
        revision: 7,
        known_at: Moment(1_000),
        used_at: Moment(used_at),
    }
}

fn addresses(addresses: Addresses) -> KnownAddresses {
    KnownAddresses {
        addresses: Arc::new(addresses),
        known_at: Moment(2_000),
    }
}

fn sample() -> Snapshot {
    let mut endpoint = crate::Endpoint::new("[2001:db8::1]:80".parse().unwrap()).with_weight(0.25);
    endpoint.node_name = Some("node".to_owned());
    let mut set = crate::AddressSet::new([endpoint]);
    set.authority = Some("web.example".to_owned());
    set.metadata.insert("k".to_owned(), vec![1, 2].into());
    let mut snapshot = Snapshot::default();
    let dtab = Arc::from("/svc=>/host;");
    let names = [
        ((path("/svc/web"), Arc::from("")), name(5, "/#/web")),
        ((path("/svc/web"), dtab), name(6, "/#/w\\x2feb")),
        (
            (path("/svc/\\xff"), Arc::from("")),
            name(7, "/$/io.buoyant.http.status/503"),
        ),
    ];
    snapshot.names.extend(names);
    let set = addresses(Addresses::Bound(set));
    snapshot.addresses.insert(path("/#/web"), set);
    let neg = addresses(Addresses::Neg);
    snapshot.addresses.insert(path("/#/w\\x2feb"), neg);
    snapshot
}

/// What a snapshot holds, in a form that can be compared.
fn shown(snapshot: &Snapshot) -> Vec<String> {
    let names = snapshot.names.iter().map(|(key, known)| {
        let tree = known.tree.to_wire();
        format!(
            "{key:?} {:?} {tree:?}",
            (known.revision, known.known_at, known.used_at)
        )
    });
    let addresses = snapshot.addresses.iter().map(|known| format!("{known:?}"));
    let mut shown: Vec<_> = names.chain(addresses).collect();
    shown.sort();
    shown
}

fn place(folder: &std::path::Path) -> SnapshotPlace {
    SnapshotPlace::new(vec![folder.join("state")], "http", "default")
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::find(&place(folder.path())).unwrap();
    assert!(
        shown(&file.read_or_warn()).is_empty(),
        "nothing is there yet"
    );
    file.write_or_warn(sample());
    assert_eq!(shown(&file.read_or_warn()), shown(&sample()));
    let entries: Vec<_> = fs::read_dir(folder.path().join("state")).unwrap().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
}

#[test]
fn what_is_no_snapshot_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::find(&place(folder.path())).unwrap();
    let at = folder.path().join("state/http.default.json");
    file.write_or_warn(sample());
    let whole = fs::read_to_string(&at).unwrap();
    let foreign = whole.replace("\"namespace\":\"default\"", "\"namespace\":\"other\"");
    assert_ne!(whole, foreign);
    for text in ["", "{", "[]", &whole[..whole.len() / 2], &foreign] {
        fs::write(&at, text).unwrap();
        assert!(shown(&file.read_or_warn()).is_empty(), "{text}");
    }
    let strange = whole.replace("\"weight\":0.9", "\"weight\":-1.0");
    assert_ne!(whole, strange);
    fs::write(&at, strange).unwrap();
    assert!(
        file.read_or_warn().names.is_empty(),
        "no name has a tree with a meaning"
    );
}

#[test]
fn the_first_folder_that_only_we_can_write_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let folders = vec![at("file/x"), at("open"), at("good/deep"), at("unused")];
    let file = File::find(&SnapshotPlace::new(folders, "http", "default")).unwrap();
    file.write_or_warn(sample());
    assert!(at("good/deep/http.default.json").exists());
    assert!(!at("unused").exists());
    let none = SnapshotPlace::new(vec![at("file/x")], "http", "default");
    assert!(File::find(&none).is_none());
}

#[test]
fn a_file_is_named_by_router_and_namespace() {
    let check = |router, namespace, name: &str| assert_eq!(file::name(router, namespace), name);
    check("http", "default", "http.default.json");
    check("a.b", "c", "a~2eb.c.json");
    check("a", "b.c", "a.b.c.json");
    check("../x", "~", "~2e~2e~2fx.~7e.json");
    let long = file::name(&"a".repeat(300), "one");
    assert_ne!(long, file::name(&"a".repeat(300), "two"));
    assert!(long.len() < 255);
}

#[test]
fn of_too_many_names_those_used_last_are_kept() {
    let mut snapshot = Snapshot::default();
    for number in 0..NAMES_MAX as u64 + 10 {
        let id = format!("/#/{number}");
        let key = (path(&format!("/svc/{number}")), Arc::from(""));
        snapshot.names.insert(key, name(number, &id));
        let known = addresses(Addresses::Neg);
        snapshot.addresses.insert(path(&id), known);
    }
    snapshot.prune();
    assert_eq!(snapshot.names.len(), NAMES_MAX);
    let oldest = snapshot.names.values().map(|known| known.used_at).min();
    assert_eq!(oldest, Some(Moment(10)));
    assert_eq!(snapshot.addresses.len(), NAMES_MAX);
    assert!(!snapshot.addresses.contains_key(&path("/#/9")));
}

#[test]
fn an_age_is_told_in_the_largest_unit_that_says_enough() {
    let check = |seconds, age: &str| {
        let shown = Moment::now().before(Duration::from_secs(seconds)).age();
        assert_eq!(shown, age);
    };
    check(12, "12 s");
    check(600, "10 min");
    check(3 * 3600 + 60, "3 h");
    check(3 * 86_400 + 60, "3 days");
}
