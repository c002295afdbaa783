use super::*;
use crate::console::Sink;

fn drawn(json: &str) -> String {
    let tree = serde_json::from_str(json).unwrap();
    let mut written = Vec::new();
    let mut sink = Sink::new(&mut written, false, false);
    draw(&tree).write(&mut sink).unwrap();
    String::from_utf8(written).unwrap()
}

#[test]
fn the_way_of_requests_is_marked() {
    let json = r##"{"type":"delegate","path":"/svc/web","delegate":
        {"type":"alt","path":"/host/web","dentry":{"prefix":"/svc","dst":"/host"},"alt":[
            {"type":"neg","path":"/srv/web","dentry":{"prefix":"/host","dst":"/srv"}},
            {"type":"union","path":"/canary/web","dentry":{"prefix":"/host","dst":"/canary"},"union":[
                {"weight":9.0,"tree":{"type":"leaf","path":"/#/fs/v1","dentry":{"prefix":"/canary/web","dst":"9*/#/fs/v1 & 1*/#/fs/v2"},
                    "bound":{"addr":{"type":"bound","addrs":[{"ip":"10.0.0.1","port":80,"meta":{}}],"meta":{}},"id":"/#/fs/v1","path":"/"}}},
                {"weight":1.0,"tree":{"type":"leaf","path":"/#/fs/v2/x",
                    "bound":{"addr":{"type":"neg"},"id":"/#/fs/v2","path":"/x"}}},
                {"weight":5.0,"tree":{"type":"fail","path":"!"}}]},
            {"type":"exception","path":"/other","message":"no"}]}}"##;
    insta::assert_snapshot!(drawn(json), @r"
    /svc/web
    └─▶ /host/web  (/svc => /host)
        ├── /srv/web  (/host => /srv)  no match
        ├─▶ /canary/web  (/host => /canary)
        │   ├─▶ 90% /#/fs/v1  (/canary/web => 9*/#/fs/v1 & 1*/#/fs/v2)  bound
        │   │     10.0.0.1:80
        │   ├─▶ 10% /#/fs/v2/x  bound to /#/fs/v2, and then /x
        │   │     no such name
        │   └── 0% !  fails: no other is tried
        └── /other  no
    ");
}

#[test]
fn a_failure_ends_the_search() {
    let json = r#"{"type":"alt","path":"/a","alt":[
        {"type":"neg","path":"/b"},{"type":"fail","path":"!"},{"type":"empty","path":"$"}]}"#;
    insta::assert_snapshot!(drawn(json), @r"
    /a
    ├── /b  no match
    ├── !  fails: no other is tried
    └── $  no addresses
    ");
}

#[test]
fn a_transformation_names_who_did_it() {
    let json = r##"{"type":"transformation","path":"/#/a","name":"SubnetLocalTransformer",
        "bound":{"addr":{"type":"pending"},"id":"/#/a","path":"/"},
        "tree":{"type":"leaf","path":"/%/t/#/a","bound":{"addr":{"type":"pending"},"id":"/%/t/#/a","path":"/"}}}"##;
    insta::assert_snapshot!(drawn(json), @r"
    /#/a  changed by SubnetLocalTransformer
    └─▶ /%/t/#/a  bound
          not known yet
    ");
}
