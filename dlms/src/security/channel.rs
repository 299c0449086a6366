//! Putting APDUs into ciphered envelopes and taking them out.

use super::{Control, SecurityContext, SystemTitle};
use crate::apdu::{Ciphered, Envelope, Pdu, may_be_inside, plain_tag};
use crate::specs::{apdu_tag, security as specs};
use alloc::vec::Vec;

/// Why an envelope was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenFault {
    /// Less protection than is demanded.
    Policy,
    /// Another suite, the broadcast key, compression, or a key that is not there.
    Key,
    /// Names another sender, or another recipient.
    Title,
    /// A tag, a signature or a wrapped key is wrong or missing.
    Tag,
    /// What is inside does not belong into this envelope.
    Contents,
}

/// Protects `plain` with authentication and encryption under `counter`, in the same kind of envelope as
/// `form`, as sent by `title`.
pub(crate) fn seal(
    context: &SecurityContext,
    title: &SystemTitle,
    counter: u32,
    plain: &[u8],
    form: Envelope,
) -> Vec<u8> {
    seal_as(context, Control::AUTHENTICATED_ENCRYPTED, title, counter, plain, form)
}

/// The same with the protection that `control` says; its suite is that of the context.
pub(crate) fn seal_as(
    context: &SecurityContext,
    control: Control,
    title: &SystemTitle,
    counter: u32,
    plain: &[u8],
    form: Envelope,
) -> Vec<u8> {
    let control = control.under(context.suite());
    let text = context.protect(control, title, counter, plain).expect("a context knows its own suite");
    let envelope = form.around(plain.first().copied().unwrap_or_default(), *title);
    Ciphered { envelope, control, counter, text: &text }.to_vec()
}

/// Takes an APDU out of its envelope, as sent by `title` with at least the protection `demanded`. The
/// caller has yet to accept the counter.
pub(crate) fn open(
    context: &SecurityContext,
    demanded: Control,
    title: &SystemTitle,
    ciphered: &Ciphered<'_>,
) -> Result<Vec<u8>, OpenFault> {
    check_control(context, demanded, ciphered.control)?;
    let named = match ciphered.envelope {
        Envelope::Specific(_) => None,
        Envelope::General(named) | Envelope::GeneralDedicated(named) => named,
    };
    if named.is_some_and(|named| named != *title) {
        return Err(OpenFault::Title);
    }
    let plain = context
        .unprotect(ciphered.control, title, ciphered.counter, ciphered.text)
        .map_err(|_| OpenFault::Tag)?;
    let inside = plain.first().copied().ok_or(OpenFault::Contents)?;
    let belongs = match ciphered.envelope {
        Envelope::Specific(tag) => plain_tag(tag) == Some(inside),
        Envelope::General(_) | Envelope::GeneralDedicated(_) => may_be_inside(inside),
    };
    if belongs { Ok(plain) } else { Err(OpenFault::Contents) }
}

/// The suite of the context, the unicast key, no compression, and at least what is demanded.
pub(crate) fn check_control(
    context: &SecurityContext,
    demanded: Control,
    control: Control,
) -> Result<(), OpenFault> {
    let known =
        control.suite() == Some(context.suite()) && !control.is_broadcast() && !control.is_compressed();
    match (known, control.covers(demanded)) {
        (false, _) => Err(OpenFault::Key),
        (true, false) => Err(OpenFault::Policy),
        (true, true) => Ok(()),
    }
}

/// Octets that an envelope of this form adds at most.
pub(crate) const fn overhead(form: Envelope) -> usize {
    let head = match form {
        Envelope::Specific(_) => specs::SPECIFIC_HEAD_LEN,
        Envelope::General(_) | Envelope::GeneralDedicated(_) => specs::GENERAL_HEAD_LEN,
    };
    head + specs::HEADER_LEN + specs::TAG_LEN
}

/// The form of service-specific envelopes; which service follows from the APDU.
pub(crate) const SPECIFIC: Envelope = Envelope::Specific(apdu_tag::GLO_GET_REQUEST);
/// The same under the dedicated key.
pub(crate) const SPECIFIC_DEDICATED: Envelope = Envelope::Specific(apdu_tag::DED_GET_REQUEST);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    fn keys() -> SecurityContext {
        SecurityContext::new(
            &hex("000102030405060708090A0B0C0D0E0F").try_into().unwrap(),
            &hex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF").try_into().unwrap(),
        )
    }

    const ALL: Control = Control::AUTHENTICATED_ENCRYPTED;
    const CLIENT: SystemTitle = [0x4D, 0x4D, 0x4D, 0, 0, 0xBC, 0x61, 0x4E];
    const SERVER: SystemTitle = *b"ABCDEFGH";
    const PLAIN: &str = "C0010000080000010000FF0200";

    #[test]
    fn the_published_tags_and_cipher_texts_come_out() {
        let plain = hex(PLAIN);
        let protect = |control| keys().protect(control, &CLIENT, 0x0123_4567, &plain).unwrap();
        let authenticated = protect(Control::AUTHENTICATED);
        assert_eq!(authenticated[plain.len()..], hex("06725D910F9221D263877516"));
        assert_eq!(protect(Control::ENCRYPTED), hex("411312FF935A47566827C467BC"));
        let both = protect(Control::AUTHENTICATED_ENCRYPTED);
        assert_eq!(both, hex("411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"));
        for control in [Control::AUTHENTICATED, Control::ENCRYPTED, Control::AUTHENTICATED_ENCRYPTED] {
            let text = protect(control);
            assert_eq!(keys().unprotect(control, &CLIENT, 0x0123_4567, &text), Ok(plain.clone()));
        }
        let sealed = seal(&keys(), &CLIENT, 0x0123_4567, &plain, SPECIFIC);
        assert_eq!(sealed, hex("C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"));
    }

    #[test]
    fn the_published_initiate_pdus_come_out() {
        let request = hex("01011000112233445566778899AABBCCDDEEFF0000065F1F0400007E1F04B0");
        assert_eq!(
            seal(&keys(), &CLIENT, 0x0123_4567, &request, SPECIFIC),
            hex(
                "21303001234567801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE6841DB204D39EE6FDB8E356855"
            )
        );
        let response = hex("0800065F1F0400007C1F04000007");
        assert_eq!(
            seal(&keys(), &CLIENT, 0x0123_4567, &response, SPECIFIC),
            hex("281F3001234567891214A0845E475714383F65BC19745CA235906525E4F3E1C893")
        );
    }

    #[test]
    fn the_published_proofs_come_out() {
        let client = hex("4D4D4D0000000001").try_into().unwrap();
        assert_eq!(keys().gmac(&client, 1, b"P6wRJ21F")[..], hex("1A52FE7DD3E72748973C1E28"));
        let proof = keys().gmac(&CLIENT, 0x0123_4567, b"K56iVagY");
        assert_eq!(proof[..], hex("FE1466AFB3DBCD4F9389E2B7"));
        assert_eq!(keys().verify_gmac(&CLIENT, 0x0123_4567, b"K56iVagY", &proof), Ok(()));
        assert!(keys().verify_gmac(&CLIENT, 0x0123_4568, b"K56iVagY", &proof).is_err());
    }

    #[test]
    fn a_push_from_the_field_is_deciphered() {
        let bytes = hex(
            "DB082F192291991641033B30000001E5025CE9D2271FD78BE8C204211A916A9D7F587E0A7A814CADEA89E9593F01F92EA8C0\
            87B5BDFDEFEAB6BECF282DFE49C08F5BE6DC8400",
        );
        let keys = SecurityContext::new(b"MYDUMMYGLOBALKEY", b"MYDUMMYGLOBALKEY");
        let ciphered = Ciphered::from_bytes(&bytes).unwrap();
        let Envelope::General(Some(title)) = ciphered.envelope else { panic!("general-glo with title") };
        assert_eq!(
            keys.unprotect(ciphered.control, &title, ciphered.counter, ciphered.text).unwrap(),
            hex("0F000001DB000922125A8591360000000049000000110000000A5A8513D014800000000D0000000A0100")
        );
    }

    /// A session between two other implementations, recorded: each ciphered APDU and what is inside.
    #[test]
    fn a_recorded_session_is_deciphered_and_ciphered_again() {
        let session = [
            (CLIENT, "21 1f30000186a0430c740ebf38fc3e8a79949f3ce961431523ed89e7b502700d0c"),
            (SERVER, "281f30000034fca84e1bd16a4e5ae0d36f6e4b448f5a7f77acb2d7b767879de7ef"),
            (
                CLIENT,
                "cb3130000186a2d235f14b42f58d476266f2372b139e86aa42ecad384bc3bb9ec38cc5e9c0aca2978d6aa4178624412d5ce5ca",
            ),
            (
                SERVER,
                "cf2a30000034fff507befb6369fc3973fd36b0a15203b84184443d026c3370e5e510acee2e222d210bd77e87",
            ),
            (CLIENT, "db084d4d4d0000bc614e1e30000186a31b50020fdc520ddd601ba8dc639da375261f29f9c82b363b75"),
            (
                SERVER,
                "db08414243444546474835300000350039e5a03ef430b349f3e73943cfc0db1706ba1c24163d77a6987b6c9913eca01f64c8f6876208509e7db9ae055ec52e78",
            ),
        ];
        let inside = [
            "01000000065f1f0400401e5dffff",
            "0800065f1f0400401e1d02000007",
            "c301c1000f0000280000ff0101091110000186a1aaf3bdcd4ccf416cd7b05c71",
            "c701c1000100091110000034fe842b866a2cc947415f695c24",
            "c001c100080000010000ff0200",
            "c401c100090c07ea0b160705132d00000000090f090c07ea0b160705132d00000000090f",
        ];
        for ((title, text), inside) in session.iter().zip(inside) {
            let bytes = hex(text);
            let ciphered = Ciphered::from_bytes(&bytes).unwrap();
            let plain = open(&keys(), ALL, title, &ciphered).unwrap();
            assert_eq!(plain, hex(inside));
            assert_eq!(seal(&keys(), title, ciphered.counter, &plain, ciphered.envelope), bytes);
        }
    }

    #[test]
    fn the_proofs_of_the_recorded_session_come_out() {
        let client_challenge = hex("d29b5e7ffa6fecce120fcab7a8bd5563");
        let server_challenge = hex("d0e8f4fafd7ebf5f2f170b0502018040");
        assert_eq!(keys().gmac(&CLIENT, 0x0001_86A1, &server_challenge)[..], hex("aaf3bdcd4ccf416cd7b05c71"));
        assert_eq!(keys().gmac(&SERVER, 0x0000_34FE, &client_challenge)[..], hex("842b866a2cc947415f695c24"));
    }

    #[test]
    fn anything_but_authenticated_encryption_of_the_right_sender_is_refused() {
        let plain = hex(PLAIN);
        let good = seal(&keys(), &CLIENT, 7, &plain, Envelope::General(None));
        let open_bytes = |bytes: &[u8]| open(&keys(), ALL, &CLIENT, &Ciphered::from_bytes(bytes).unwrap());
        assert_eq!(open_bytes(&good), Ok(plain.clone()));
        let less = [0x00, 0x10, 0x20].map(|control| (control, OpenFault::Policy));
        let unknown = [0x31, 0x32, 0x70, 0xB0].map(|control| (control, OpenFault::Key));
        for (control, fault) in less.into_iter().chain(unknown) {
            let mut bytes = good.clone();
            bytes[11] = control;
            assert_eq!(open_bytes(&bytes), Err(fault), "{control:02x}");
        }
        for short in 0..12 {
            let ciphered = Ciphered::from_bytes(&good).unwrap();
            let text = &ciphered.text[..ciphered.text.len() - 12 + short];
            assert_eq!(open(&keys(), ALL, &CLIENT, &Ciphered { text, ..ciphered }), Err(OpenFault::Tag));
            let text = &ciphered.text[..short];
            assert_eq!(open(&keys(), ALL, &CLIENT, &Ciphered { text, ..ciphered }), Err(OpenFault::Tag));
        }
        let mut other = good.clone();
        other[2] ^= 1;
        assert_eq!(open_bytes(&other), Err(OpenFault::Title));
        let nested = seal(&keys(), &CLIENT, 8, &good, Envelope::General(None));
        assert_eq!(open_bytes(&nested), Err(OpenFault::Contents));
        let mut disguised = seal(&keys(), &CLIENT, 9, &plain, SPECIFIC);
        disguised[0] = apdu_tag::GLO_SET_REQUEST;
        assert_eq!(open_bytes(&disguised), Err(OpenFault::Contents));
    }
}
