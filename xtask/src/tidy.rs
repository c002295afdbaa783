//! Checks that no compiler makes. What can be judged by a rule fails; sizes are printed for a person to judge.

mod architecture;
mod manifests;
mod sizes;

use anyhow::{Result, bail};

/// Runs all checks, and fails with all complaints at once.
pub(crate) fn run() -> Result<()> {
    let root = crate::root();
    let mut complaints = manifests::check()?;
    complaints.extend(architecture::check(&root)?);
    sizes::print(&root)?;
    if !complaints.is_empty() {
        bail!("not tidy:\n  {}", complaints.join("\n  "));
    }
    Ok(())
}
