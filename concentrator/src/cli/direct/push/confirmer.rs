//! Confirming pushes that came under keys.

use crate::cli::direct::counters::Counters;
use crate::cli::direct::keys::Identity;
use anyhow::{Context, anyhow};
use dlms::apdu::{Ciphered, Envelope, Pdu};
use dlms::security::Control;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file of the send counters of this client with the meter that pushes.
#[derive(Debug)]
pub(super) struct Confirmer {
    path: Mutex<PathBuf>,
}

impl Confirmer {
    /// Whose file there is, with a counter that is unused.
    pub(super) fn new(path: PathBuf) -> anyhow::Result<Self> {
        Counters::read(&path)?.send.with_context(|| expected(&path))?;
        Ok(Self { path: Mutex::new(path) })
    }

    /// A confirmation under the protection that the push had. Its counter is used up in the file first.
    pub(super) fn seal(
        &self,
        identity: &Identity,
        control: Control,
        confirmation: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let keys = identity.authentication.keys().context("expected keys")?;
        let counter = self.take()?;
        let text = keys
            .protect(control, &identity.title, counter, confirmation)
            .map_err(|_| anyhow!("expected keys of the suite of the push"))?;
        let envelope = Envelope::General(Some(identity.title));
        Ok(Ciphered { envelope, control, counter, text: &text }.to_vec())
    }

    fn take(&self) -> anyhow::Result<u32> {
        // One connection at a time; and read anew each time, since another command may have gone on with it.
        let path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = Counters::take(&path)?;
        taken.with_context(|| expected(&path))
    }
}

fn expected(path: &Path) -> String {
    format!("{}: expected the --state that a get of this client has made", path.display())
}
