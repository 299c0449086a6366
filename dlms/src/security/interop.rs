//! Where readings of the books differ from stack to stack.

/// What the associated data of general-ciphering is. No published vector settles it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GeneralCipheringAad {
    /// SC, AK and all header fields, each behind its length \[GB 9.2.7.2.4.2; confidence C\].
    #[default]
    Header,
    /// SC and AK alone, as in the other envelopes \[confidence C\].
    ControlAndKey,
}

/// What a general-signing APDU signs. No published vector settles it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignedRange {
    /// All header fields, each behind its length, and the content without its length
    /// \[GB 9.2.7.2.5; confidence C\].
    #[default]
    ContentAlone,
    /// The same with the length of the content \[confidence C\].
    ContentWithLength,
}

/// What goes into the key derivation function besides the agreed secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KdfParties {
    /// The titles bare, as the published keys of one-pass and static-unified agreement have them
    /// \[GB 9.2.3.4.6.5; confidence B\].
    #[default]
    Bare,
    /// AlgorithmID and titles, each behind a length of one octet \[confidence C\].
    WithLength,
}

/// Under which counters keys go that are wrapped or agreed for one APDU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionKeyCounter {
    /// Under the counter that runs for the global key: replays are told by it \[confidence C\].
    #[default]
    Global,
    /// Under 0, as in the published vectors; replays are told by the transaction-id, which must grow
    /// \[confidence B\].
    Zero,
}

/// Readings that are chosen together with a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interop {
    /// The associated data of general-ciphering.
    pub general_ciphering_aad: GeneralCipheringAad,
    /// The octets that are signed.
    pub signed_range: SignedRange,
    /// The parties in the key derivation function.
    pub kdf_parties: KdfParties,
    /// The counters of wrapped and agreed keys.
    pub session_key_counter: SessionKeyCounter,
}
