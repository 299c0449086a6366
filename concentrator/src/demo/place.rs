//! Where the files of a demo lie.

use anyhow::{anyhow, bail};
use std::path::{Path, PathBuf};

/// A folder of the demo's own: kept when the user named it, removed otherwise.
pub(super) struct Place {
    folder: PathBuf,
    kept: bool,
}

impl Place {
    /// The folder `keep`, or a temporary one.
    pub(super) fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        let temporary = || std::env::temp_dir().join(format!("concentrator-demo-{}", std::process::id()));
        let place = Self { folder: keep.map_or_else(temporary, Path::to_owned), kept: keep.is_some() };
        std::fs::create_dir_all(&place.folder).map_err(|error| {
            anyhow!("folder {}: {error}, expected a folder that can be made", place.folder.display())
        })?;
        if place.database().exists() {
            bail!(
                "{}: is there already, expected a folder without an earlier demo",
                place.database().display()
            );
        }
        Ok(place)
    }

    /// Where everything lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("concentrator.sqlite")
    }

    /// Whether the files stay.
    pub(super) const fn is_kept(&self) -> bool {
        self.kept
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.kept {
            // A folder that cannot be removed is left to the system's cleaning of temporary files.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
