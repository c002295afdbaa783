//! Headers that only routers may speak, and what a server at the edge does with those of strangers.

use http::HeaderMap;

/// Whether a header (in lower case) belongs to the routers' own language, or would to an application that takes `_` for `-`,
/// as CGI and its heirs do.
pub(crate) fn is_context(name: &str) -> bool {
    name.starts_with("l5d-") || name.starts_with("l5d_")
}

/// Removes every `l5d-*` header; true if `l5d-err` was among them.
///
/// Source: linkerd `LinkerdHeaders.Ctx.clearServerModule`.
pub(crate) fn clear_context(headers: &mut HeaderMap) -> bool {
    let had_error = headers.contains_key(super::L5D_ERR);
    let context: Vec<_> = headers
        .keys()
        .filter(|name| is_context(name.as_str()))
        .cloned()
        .collect();
    for name in context {
        headers.remove(name);
    }
    had_error
}
