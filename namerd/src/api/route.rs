//! Which endpoint a URL path names.

use http::Method;

/// An endpoint of the API.
///
/// Paths are compared as they are, without decoding: a namespace is everything behind its slash, as in the reference. So
/// one with a slash or an escape in it is an illegal name, and never another namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The names of all namespaces.
    Dtabs,
    /// One namespace.
    Dtab(&'a str),
    /// The tree that a path is bound to.
    Bind(&'a str),
    /// The addresses of a bound id.
    Addr,
    /// The addresses of one bound id of a path's tree.
    Resolve(&'a str),
    /// The delegation of a path; without a namespace only by the dtab that comes with the request.
    Delegate(Option<&'a str>),
    /// What the namers can list.
    BoundNames,
    /// The revisions of a namespace.
    History(&'a str),
    /// What is wrong with a dtab.
    Lint,
    /// The routers.
    Fleet,
    /// How this namerd is.
    Status,
    /// Everything that the store has.
    Export,
    /// Takes in what was exported.
    Import,
}

/// The largest body of most requests.
const BODY_MAX: usize = 1 << 20;

/// The largest import over HTTP; `namerd import` has no limit.
const IMPORT_MAX: usize = 64 << 20;

impl<'a> Route<'a> {
    /// The endpoint of a path, if there is one.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix("/api/1/")?;
        Some(match path.split_once('/') {
            None => match path {
                "dtabs" => Self::Dtabs,
                "delegate" => Self::Delegate(None),
                "bound-names" => Self::BoundNames,
                "lint" => Self::Lint,
                "fleet" => Self::Fleet,
                "status" => Self::Status,
                "export" => Self::Export,
                "import" => Self::Import,
                _ => return None,
            },
            Some(("dtabs", "")) => Self::Dtabs,
            Some(("dtabs", namespace)) => Self::Dtab(namespace),
            Some(("bind", namespace)) => Self::Bind(namespace),
            Some(("addr", _)) => Self::Addr,
            Some(("resolve", namespace)) => Self::Resolve(namespace),
            Some(("delegate", namespace)) => Self::Delegate(Some(namespace)),
            Some(("history", namespace)) => Self::History(namespace),
            Some(_) => return None,
        })
    }

    /// How many bytes a request's body may have.
    pub(super) fn body_limit(&self) -> usize {
        match self {
            Self::Import => IMPORT_MAX,
            _ => BODY_MAX,
        }
    }

    /// The methods it has, as an `Allow` header lists them.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Dtab(_) => "GET, HEAD, POST, PUT, DELETE",
            Self::Delegate(_) => "GET, HEAD, POST",
            Self::Lint | Self::Import => "POST",
            _ => "GET, HEAD",
        }
    }

    /// Whether it has this method.
    pub(super) fn allows(&self, method: &Method) -> bool {
        self.methods()
            .split(", ")
            .any(|allowed| method.as_str() == allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, route: Option<Route<'_>>) {
        assert_eq!(Route::of(path), route, "{path}");
    }

    #[test]
    fn paths_are_compared_raw() {
        check("/api/1/dtabs", Some(Route::Dtabs));
        check("/api/1/dtabs/", Some(Route::Dtabs));
        check("/api/1/dtabs/web", Some(Route::Dtab("web")));
        check("/api/1/dtabs/web/", Some(Route::Dtab("web/")));
        check("/api/1/dtabs/a/b", Some(Route::Dtab("a/b")));
        check("/api/1/dtabs/a%20b", Some(Route::Dtab("a%20b")));
        check("/api/1/dtabs//", Some(Route::Dtab("/")));
        check("/api/1/bind/", Some(Route::Bind("")));
        check("/api/1/addr/web", Some(Route::Addr));
        check("/api/1/resolve/web", Some(Route::Resolve("web")));
        check("/api/1/delegate", Some(Route::Delegate(None)));
        check("/api/1/delegate/web", Some(Route::Delegate(Some("web"))));
        check("/api/1/bound-names", Some(Route::BoundNames));
        check("/api/1/history/web", Some(Route::History("web")));
    }

    #[test]
    fn look_alikes_are_nothing() {
        let paths = [
            "",
            "/",
            "/api/1",
            "/api/1/",
            "/api/2/dtabs",
            "/api/1/dtabsfoo",
            "/api/1/Dtabs",
            "/api/1//dtabs",
            "/api/1/bind",
            "/api/1/addr",
            "/api/1/resolve",
            "/api/1/history",
            "/api/1/status/",
            "/api/1/bound-names/",
            "/x/api/1/dtabs",
        ];
        for path in paths {
            check(path, None);
        }
    }
}
