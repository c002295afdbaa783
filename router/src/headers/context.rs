//! Fields that only routers may speak, and what a server at the edge does with those of strangers.

use http1::Known;

use super::Lines;

/// Removes every `l5d-*` line; true if `l5d-err` was among them.
///
/// A name that is one only for who reads `_` as `-` goes too. Source: linkerd `LinkerdHeaders.Ctx.clearServerModule`.
pub(crate) fn clear_context(fields: &mut impl Lines) -> bool {
    let had_error = fields.has(Known::L5dErr);
    fields.remove_any(super::CONTEXT);
    had_error
}
