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
        unused(&path)?;
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
        let (mut counters, counter) = unused(&path)?;
        counters.send =
            Some(counter.checked_add(1).context("the send counter has ended: expected new keys")?);
        counters.write()?;
        Ok(counter)
    }
}

/// The counters of a file, and the next to be used.
fn unused(path: &Path) -> anyhow::Result<(Counters, u32)> {
    let counters = Counters::read(path)?;
    let send = counters.send;
    let expected = || format!("{}: expected the --state that a get of this client has made", path.display());
    send.map(|send| (counters, send)).with_context(expected)
}
