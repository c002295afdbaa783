//! Digests of what is routed by: short, equal for equal things, and the same in every namerd and router.
//!
//! They save sending what the other side has, and show which routers route alike. They are no proof against forgery: whoever
//! speaks to namerd at all is believed.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use prost::Message;

use crate::v1;

/// Of SHA-256's 32 bytes, so many are kept: more than chance can make equal.
const LENGTH: usize = 16;

/// The digest of a tree, for [`v1::Update::digest`].
pub fn of_tree(tree: &v1::Tree) -> Bytes {
    let mut context = Context::new(&SHA256);
    context.update(&tree.encode_to_vec());
    finish(context)
}

/// The digest of all that a router routes a namespace by, for [`v1::Receipt::digest`]. The order does not matter.
pub fn of_routes<'a>(routes: impl IntoIterator<Item = &'a v1::Held>) -> Bytes {
    let routes = routes.into_iter();
    let mut routes: Vec<_> = routes
        .map(Message::encode_length_delimited_to_vec)
        .collect();
    routes.sort_unstable();
    let mut context = Context::new(&SHA256);
    routes.iter().for_each(|route| context.update(route));
    finish(context)
}

fn finish(context: Context) -> Bytes {
    Bytes::copy_from_slice(&context.finish().as_ref()[..LENGTH])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(name: &'static str, digest: &'static str) -> v1::Held {
        v1::Held {
            path: Some(crate::linkerd::Path {
                elems: vec![Bytes::from_static(name.as_bytes())],
            }),
            digest: Bytes::from_static(digest.as_bytes()),
            ..v1::Held::default()
        }
    }

    #[test]
    fn a_digest_stays_the_same_from_version_to_version() {
        let tree = v1::Tree {
            pending_branches: 1,
            ..v1::Tree::default()
        };
        // SHA-256 of 18 01.
        let wanted = b"\xd8\xff\xb4\x1f\x97\x85\xcc\x16\x6b\xa6\xd9\x23\xdd\x20\x94\x02";
        assert_eq!(of_tree(&tree), wanted.as_slice());
    }

    #[test]
    fn routers_that_route_alike_have_the_same_digest() {
        let (a, b) = (held("a", "1"), held("b", "2"));
        assert_eq!(of_routes([&a, &b]), of_routes([&b, &a]));
        assert_ne!(of_routes([&a]), of_routes([&a, &b]));
        assert_ne!(of_routes([&a]), of_routes([&held("a", "2")]));
        assert_ne!(of_routes([&a, &a]), of_routes([&a]));
    }
}
