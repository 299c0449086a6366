//! Confirming pushes that came under keys.

use crate::cli::direct::counters::Counters;
use crate::cli::direct::keys::Identity;
use crate::cli::direct::state::Owner;
use anyhow::{Context, anyhow};
use dlms::apdu::{Ciphered, Envelope, Pdu};
use dlms::security::{Control, SystemTitle};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The file of the send counters of this client with the meter that pushes.
#[derive(Debug)]
pub(super) struct Confirmer {
    path: Mutex<PathBuf>,
    owner: Owner,
}

impl Confirmer {
    /// Whose file there is, with a counter that is unused.
    pub(super) fn new(path: PathBuf, identity: &Identity) -> anyhow::Result<Self> {
        let owner = identity
            .owner()
            .context("--confirm-state: expected a client with an encryption key in --keys")?;
        Counters::open(&path, owner)?.next().with_context(|| expected(&path))?;
        Ok(Self { path: Mutex::new(path), owner })
    }

    /// A confirmation under the protection that the push of this meter had. Its counter is used up in the file first.
    pub(super) fn seal(
        &self,
        identity: &Identity,
        meter: SystemTitle,
        control: Control,
        confirmation: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let keys = identity.authentication.keys().context("expected keys")?;
        let counter = self.take(meter)?;
        let text = keys
            .protect(control, &identity.title, counter, confirmation)
            .map_err(|_| anyhow!("expected keys of the suite of the push"))?;
        let envelope = Envelope::General(Some(identity.title));
        Ok(Ciphered { envelope, control, counter, text: &text }.to_vec())
    }

    fn take(&self, meter: SystemTitle) -> anyhow::Result<u32> {
        // One connection at a time; and read anew each time, since another command may have gone on with it.
        let path = self.path.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = Counters::take(&path, Owner { meter: Some(meter), ..self.owner })?;
        taken.with_context(|| expected(&path))
    }
}

fn expected(path: &Path) -> String {
    format!("{}: expected the --state that a get of this client has made", path.display())
}
