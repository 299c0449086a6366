//! What a logical name measures, in words.

use dlms::cosem::LogicalName;

/// Such as "voltage L2"; `None` for what electricity meters do not measure.
pub(super) fn quantity(obis: &str) -> Option<String> {
    let LogicalName([1, _, c, d, e, _]) = obis.parse().ok()? else { return None };
    let phase = if (21..80).contains(&c) { format!(" L{}", c / 20) } else { String::new() };
    let code = if c < 80 { c % 20 } else { c };
    let of_rate = if d == 8 && e > 0 { format!(", rate {e}") } else { String::new() };
    let base = match (code, d, e) {
        (12, 32, 0) => "dips",
        (12, 36, 0) => "swells",
        (12, 40, 0) => "interruptions",
        (11, 7, 124) => "distortion of the current",
        (12, 7, 124) => "distortion of the voltage",
        (11, 7, 0) => "current",
        (12, 7, 0) => "voltage",
        (13, 7, 0) => "power factor",
        (14, 7, 0) => "frequency",
        (91, 7, 0) => "current of the neutral",
        (_, 8, _) => return Some(format!("{}{phase}{of_rate}", energy(code)?)),
        _ => return None,
    };
    Some(format!("{base}{phase}"))
}

fn energy(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "active energy import",
        2 => "active energy export",
        3 => "reactive energy import",
        4 => "reactive energy export",
        5 => "reactive energy Q1",
        6 => "reactive energy Q2",
        7 => "reactive energy Q3",
        8 => "reactive energy Q4",
        9 => "apparent energy import",
        10 => "apparent energy export",
        16 => "active energy net",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_words_with_their_phase_and_rate() {
        for (obis, expected) in [
            ("1-0:1.8.0*255", "active energy import"),
            ("1-0:1.8.2*255", "active energy import, rate 2"),
            ("1-0:32.7.0*255", "voltage L1"),
            ("1-0:71.7.0*255", "current L3"),
            ("1-0:53.7.0*255", "power factor L2"),
            ("1-0:52.7.124*255", "distortion of the voltage L2"),
            ("1-0:12.36.0*255", "swells"),
            ("1-0:65.8.0*255", "reactive energy Q1 L3"),
        ] {
            assert_eq!(quantity(obis).as_deref(), Some(expected), "{obis}");
        }
        assert_eq!(quantity("0-0:96.7.21*255"), None);
        assert_eq!(quantity("1-0:99.1.0*255"), None);
        assert_eq!(quantity("nonsense"), None);
    }
}
