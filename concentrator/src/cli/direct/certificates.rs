//! The certificates that a security setup lists.

use super::output::{Cell, Results};
use crate::hex::hex;
use dlms::axdr::Data;
use dlms::cosem::CaptureObject;
use dlms::specs::classes::SECURITY_SETUP;

/// Whether an attribute is such a list \[BB 4.4.7; confidence A\].
pub(super) fn is_list(object: &CaptureObject) -> bool {
    (object.class_id, object.attribute) == (SECURITY_SETUP, CERTIFICATES)
}

/// A row for each certificate: whose it is, what its key is for, its number, who has issued it, for whom. `None` for a value that is
/// no such list.
pub(super) fn rows(value: &Data<'_>) -> Option<Results> {
    let mut results = Results::new(["entity", "use", "serial", "issuer", "subject", "subject_alt_name"]);
    for element in value.as_array()?.iter() {
        let [entity, key_use, serial, issuer, subject, alternative] = element.as_structure()?.exactly()?;
        let (Data::Enum(entity), Data::Enum(key_use)) = (entity, key_use) else { return None };
        let text = |value: Data<'_>| Some(Cell::text(readable(value.as_octets()?)));
        results.push(vec![
            named(&ENTITIES, entity),
            named(&USES, key_use),
            Cell::text(hex(serial.as_octets()?)),
            text(issuer)?,
            text(subject)?,
            text(alternative)?,
        ]);
    }
    Some(results)
}

/// The name of a number; the number where it has none.
fn named(names: &[&str], number: u8) -> Cell {
    names
        .get(usize::from(number))
        .map_or_else(|| Cell::number(number.into()), |name| Cell::text((*name).to_owned()))
}

/// A text, if it is one that a line can hold.
fn readable(octets: &[u8]) -> String {
    let text = std::str::from_utf8(octets).ok().filter(|text| !text.chars().any(char::is_control));
    text.map_or_else(|| hex(octets), str::to_owned)
}

const CERTIFICATES: i8 = 6;
/// certificate_entity and certificate_type by their numbers \[BB 4.4.7; confidence B\].
const ENTITIES: [&str; 4] = ["server", "client", "certification authority", "other"];
const USES: [&str; 4] = ["digital signature", "key agreement", "TLS", "other"];

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::axdr::Encoder;

    fn list(subject: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut out = Encoder::new(&mut octets, 1000);
        out.array(1);
        out.structure(6);
        out.enumeration(1);
        out.enumeration(9);
        [&[1, 2][..], b"CN=Root", subject, b""].iter().for_each(|octets| out.octet_string(octets));
        out.finish().unwrap();
        octets
    }

    #[test]
    fn names_are_texts_and_what_is_none_is_shown_in_octets() {
        let shown = |subject: &[u8]| {
            let octets = list(subject);
            let results = rows(&Data::from_bytes(&octets).unwrap()).unwrap();
            results.first().map(|cell| cell.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(shown(b"CN=Meter"), ["client", "9", "0102", "CN=Root", "CN=Meter", ""]);
        assert_eq!(shown(b"CN\n\xFF")[4], "434e0aff");
        assert!(rows(&Data::U8(1)).is_none());
        let cut = list(b"CN=Meter");
        assert!(rows(&Data::from_bytes(&[&[1, 1, 2, 1], &cut[4..6]].concat()).unwrap()).is_none());
    }
}
