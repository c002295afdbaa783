//! `io.l5d.rewrite`: names that are other names.

use dtab::{Answer, Name, NameTree, Path, PathMatcher};
use live::Reads;

use crate::{Bound, Namer};

/// Rewrites the paths that match a pattern. Segments behind the pattern are dropped.
///
/// Source: linkerd `RewritingNamer`.
#[derive(Debug)]
pub struct RewriteNamer {
    pattern: PathMatcher,
    template: String,
}

impl RewriteNamer {
    /// Rewrites what matches the pattern to the template, in which `{var}` stands for what the pattern captured.
    pub fn new(pattern: &str, template: impl Into<String>) -> Self {
        Self {
            pattern: PathMatcher::parse(pattern),
            template: template.into(),
        }
    }
}

impl Namer for RewriteNamer {
    /// Neg for a path that does not match. A template that comes to no path fails.
    fn lookup(&self, path: &Path, _reads: &mut Reads) -> Answer<Bound> {
        let Some(captures) = self.pattern.matches(path) else {
            return Answer::Tree(NameTree::Neg);
        };
        let text = captures.substitute(&self.template);
        match Path::parse(&text) {
            Ok(name) => Answer::Tree(NameTree::Leaf(Name::Path(name))),
            Err(error) => Answer::Failed(format!(
                "cannot rewrite {path}: `{}` comes to `{text}`, which is no path: {error}",
                self.template
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, template: &str, path: &str, expected: &str) {
        let namer = RewriteNamer::new(pattern, template);
        let path = Path::parse(path).unwrap();
        let shown = match namer.lookup(&path, &mut Reads::default()) {
            Answer::Tree(NameTree::Leaf(Name::Path(path))) => path.to_string(),
            Answer::Tree(NameTree::Neg) => "neg".to_owned(),
            Answer::Failed(reason) => format!("failed: {reason}"),
            other => format!("{other:?}"),
        };
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn what_matches_is_rewritten() {
        check(
            "/{svc}/{port}",
            "/svc/{port}/{svc}",
            "/web/http/x",
            "/svc/http/web",
        );
        check("/{host}:{port}", "/svc/{host}", r"/web:80", "/svc/web");
        check("/*/{svc}", "/svc/{svc}", "/a/b", "/svc/b");
    }

    #[test]
    fn what_does_not_match_is_neg() {
        check("/a/{svc}", "/svc/{svc}", "/b/web", "neg");
        check("/a/{svc}", "/svc/{svc}", "/a", "neg");
    }

    #[test]
    fn an_unknown_variable_fails_and_is_named() {
        check(
            "/{svc}",
            "/svc/{service}",
            "/web",
            "failed: cannot rewrite /web: `/svc/{service}` comes to",
        );
    }
}
