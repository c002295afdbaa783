//! How an operator learns why a name leads where it does.

use dtab::Dtab;

use crate::route::Route;

/// Who can explain how a name is delegated.
#[derive(Clone, Debug)]
pub(crate) enum Explain {
    /// The namerd that binds this namespace.
    Namerd { namespace: String },
    /// The admin server of this process, at `http://127.0.0.1:9990`, say.
    Admin { base_url: String },
}

impl Explain {
    /// The command that shows how the name of a route is delegated.
    pub(super) fn command(&self, label: &str, base: &Dtab, route: &Route) -> String {
        let (path, local) = (&route.path, &route.local);
        let rules = base.concat(local);
        match self {
            Self::Namerd { namespace } if rules.is_empty() => {
                format!("namerctl delegate {namespace} '{path}'")
            }
            Self::Namerd { namespace } => {
                format!("namerctl delegate {namespace} '{path}' --dtab '{rules}'")
            }
            Self::Admin { base_url } => {
                format!(
                    "curl -G {base_url}/delegator.json -d namespace={label} --data-urlencode 'path={path}' --data-urlencode 'dtab={rules}'"
                )
            }
        }
    }

    /// Where rules beyond the router's own are.
    pub(super) fn dtab(&self) -> String {
        match self {
            Self::Namerd { namespace } => format!("  (namespace {namespace} of namerd)\n"),
            Self::Admin { .. } => String::new(),
        }
    }
}
