//! What the daemon does with the power line: the seam between `concentrator run` and the node.

use crate::config::Config;
use crate::live::Live;
use crate::store::Store;

/// Serves the power line until [`Live::shutdown`], then returns `Ok`.
///
/// # Errors
/// The line cannot be served (any more). The daemon says so and calls again.
pub fn serve(_: &Config, _: &mut Store, _: &Live) -> anyhow::Result<()> {
    anyhow::bail!("power line: not built yet")
}
