//! CCM* at level 5, and the two slots of the group key.

use crate::specs::{KEY_SLOTS, MIC_LEN, NONCE_LEVEL, SECURITY_CONTROL};
use crate::wire::AuxHeader;
use aes::Aes128;
use ccm::aead::AeadInOut;
use ccm::consts::{U4, U13};
use ccm::{Ccm, KeyInit};
use plc_core::sap::{Key, MSDU_MAX, MacStatus};
use plc_core::{PanId, ShortAddress};

/// Room for a whole MSDU and its MIC.
pub(crate) type SecuredMsdu = heapless::Vec<u8, { MSDU_MAX + MIC_LEN }>;

type Cipher = Ccm<Aes128, U4, U13>;

/// macKeyTable 0x71, with the key schedules ready.
pub(crate) struct KeyTable {
    slots: [Option<(Key, Cipher)>; KEY_SLOTS],
}

impl KeyTable {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { None }; KEY_SLOTS] }
    }

    /// Fills or empties a slot; returns whether that changed anything. A slot that does not exist never
    /// changes.
    pub(crate) fn set(&mut self, index: u8, key: Option<Key>) -> bool {
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return false };
        if slot.as_ref().map(|(old, _)| *old) == key {
            return false;
        }
        *slot = key.map(|key| (key, Cipher::new(&key.0.into())));
        true
    }

    /// Whether a slot holds a key.
    pub(crate) fn holds(&self, index: u8) -> bool {
        self.cipher(index).is_ok()
    }

    /// Encrypts `msdu` in place and appends the MIC; `header` is authenticated with it.
    pub(crate) fn seal(
        &self,
        source: Source,
        aux: &AuxHeader,
        header: &[u8],
        msdu: &mut SecuredMsdu,
    ) -> Result<(), MacStatus> {
        let nonce = source.nonce(aux.frame_counter).into();
        let cipher = self.cipher(aux.key_index)?;
        let tag = cipher
            .encrypt_inout_detached(&nonce, header, msdu.as_mut_slice().into())
            .map_err(|_| MacStatus::SecurityError)?;
        msdu.extend_from_slice(&tag).map_err(|_| MacStatus::FrameTooLong)
    }

    /// Checks and removes the MIC and decrypts `msdu` in place. On failure `msdu` is worthless.
    pub(crate) fn open(
        &self,
        source: Source,
        aux: &AuxHeader,
        header: &[u8],
        msdu: &mut SecuredMsdu,
    ) -> Result<(), MacStatus> {
        if aux.security_control != SECURITY_CONTROL {
            return Err(MacStatus::SecurityError);
        }
        let nonce = source.nonce(aux.frame_counter).into();
        let cipher = self.cipher(aux.key_index)?;
        let (text, tag) = msdu.split_last_chunk_mut::<MIC_LEN>().ok_or(MacStatus::SecurityError)?;
        cipher
            .decrypt_inout_detached(&nonce, header, text.into(), &(*tag).into())
            .map_err(|_| MacStatus::SecurityError)?;
        msdu.truncate(msdu.len() - MIC_LEN);
        Ok(())
    }

    fn cipher(&self, index: u8) -> Result<&Cipher, MacStatus> {
        let slot = self.slots.get(usize::from(index)).and_then(Option::as_ref);
        slot.map(|(_, cipher)| cipher).ok_or(MacStatus::UnavailableKey)
    }
}

/// Who has secured a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) pan: PanId,
    pub(crate) short: ShortAddress,
}

impl Source {
    /// The nonce: the source twice, the counter and the level, all big-endian \[G3 MAC 4; confidence B\].
    fn nonce(self, frame_counter: u32) -> [u8; 13] {
        let ([p0, p1], [s0, s1]) = (self.pan.0.to_be_bytes(), self.short.0.to_be_bytes());
        let [c0, c1, c2, c3] = frame_counter.to_be_bytes();
        [p0, p1, s0, s1, p0, p1, s0, s1, c0, c1, c2, c3, NONCE_LEVEL]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GMK: Key = Key(*b"\xAF\x4D\x6D\xCC\xF1\x4D\xE7\xC1\xC4\x23\x5E\x6F\xEF\x6C\x15\x1F");
    const SOURCE: Source = Source { pan: PanId(0x781D), short: ShortAddress(0) };
    const AUX: AuxHeader = AuxHeader { security_control: 0x0D, frame_counter: 1, key_index: 0 };
    const HEADER: &[u8] = b"\x69\x88\x05\x1d\x78\x01\x00\x00\x00\x0d\x01\x00\x00\x00\x00";
    const PLAIN: &[u8] = b"\x40\x01\x00\x00\x01\x00\x00\x00\x01\x4f\x00\x00\x80\x00";
    const SECURED: &[u8] = b"\x44\x10\x55\x96\x0b\x11\x9a\x0c\x6a\x17\x77\xce\xfb\x78\xaa\x8c\xd2\x16";

    fn keys() -> KeyTable {
        let mut keys = KeyTable::new();
        assert!(keys.set(0, Some(GMK)));
        keys
    }

    fn msdu(bytes: &[u8]) -> SecuredMsdu {
        SecuredMsdu::from_slice(bytes).unwrap()
    }

    #[test]
    fn the_published_frame_is_sealed_and_opened() {
        assert_eq!(SOURCE.nonce(1), *b"\x78\x1d\0\0\x78\x1d\0\0\0\0\0\x01\x05");
        let mut text = msdu(PLAIN);
        keys().seal(SOURCE, &AUX, HEADER, &mut text).unwrap();
        assert_eq!(text, SECURED);
        keys().open(SOURCE, &AUX, HEADER, &mut text).unwrap();
        assert_eq!(text, PLAIN);
    }

    #[test]
    fn any_other_header_source_or_counter_is_refused() {
        let open = |source, aux: AuxHeader, header: &[u8]| {
            keys().open(source, &aux, header, &mut msdu(SECURED)).unwrap_err()
        };
        let mut header = HEADER.to_vec();
        header[2] ^= 1;
        assert_eq!(open(SOURCE, AUX, &header), MacStatus::SecurityError);
        assert_eq!(open(Source { short: ShortAddress(1), ..SOURCE }, AUX, HEADER), MacStatus::SecurityError);
        let later = AuxHeader { frame_counter: 2, ..AUX };
        assert_eq!(open(SOURCE, later, HEADER), MacStatus::SecurityError);
        let level_4 = AuxHeader { security_control: 0x0C, ..AUX };
        assert_eq!(open(SOURCE, level_4, HEADER), MacStatus::SecurityError);
        let slot_1 = AuxHeader { key_index: 1, ..AUX };
        assert_eq!(open(SOURCE, slot_1, HEADER), MacStatus::UnavailableKey);
    }

    #[test]
    fn a_slot_changes_only_when_its_key_does() {
        let mut keys = keys();
        assert!(!keys.set(0, Some(GMK)));
        assert!(!keys.set(2, Some(GMK)));
        assert!(keys.set(0, None));
        assert!(!keys.holds(0));
    }
}
