//! Values with their types as text: `u16:5`, `octets:0102`, `struct(bool:true, array(i8:-1, i8:2))`.
//!
//! | text | type |
//! |---|---|
//! | `null`, `dontcare` | null-data, don't-care |
//! | `bool:true` | boolean |
//! | `i8:` `i16:` `i32:` `i64:` `u8:` `u16:` `u32:` `u64:` | integer, long, double-long, long64 and their unsigned kin |
//! | `enum:` `bcd:` `f32:` `f64:` | enum, bcd, float32, float64 |
//! | `bits:0110` | bit-string |
//! | `octets:0102ff` | octet-string in hexadecimal digits, or of letters: `octets:"host:4059"` |
//! | `text:"a b"`, `utf8:"ä"` | visible-string, utf8-string; `\"` and `\\` stand for themselves, `\xNN` for an octet |
//! | `obis:1.0.1.8.0.255` | octet-string of a logical name |
//! | `datetime:2026-01-14T00:00:00Z` | octet-string of a date-time; `+01:00` for `Z`, nothing for an unspecified deviation, `*` for nothing specified |
//! | `date:2026-01-14`, `time:12:30:00` | octet-strings of a date and of a time |
//! | `tag25:` `tag26:` `tag27:` | date-time, date and time as types of their own, in hexadecimal digits |
//! | `array(…)`, `struct(…)` | array, structure |

use crate::hex::{hex, unhex};
use dlms::axdr::{BitString, Data, Encoder};
use dlms::cosem::{ClockStatus, ClockTime, Date, Day, LogicalName, Month, Time};
use plc_core::Utc;
use std::fmt::Write;

/// One whole encoded value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded(pub(super) Vec<u8>);

/// Reads one value.
///
/// # Errors
/// Where the text is not such a value, and what was expected there.
pub(super) fn parse(text: &str) -> Result<Encoded, String> {
    let mut octets = Vec::new();
    let mut parser = Parser { text, at: 0 };
    let mut out = Encoder::new(&mut octets, LEN_MAX);
    parser.value(&mut out, 0)?;
    parser.skip_spaces();
    if parser.at < text.len() {
        return Err(parser.expected("the end"));
    }
    out.finish().map_err(|_| format!("expected a value of at most {LEN_MAX} octets"))?;
    Ok(Encoded(octets))
}

/// Writes a value such that [`parse`] reads it. Compact arrays are written as arrays, deltas as numbers of their size.
pub(super) fn print(value: &Data<'_>) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn expected(&self, what: &str) -> String {
        let rest: String = self.rest().chars().take(12).collect();
        let found = if rest.is_empty() { String::from("the end") } else { format!("{rest:?}") };
        format!("at character {}: expected {what}, found {found}", self.text[..self.at].chars().count() + 1)
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        let eaten = self.rest().starts_with(wanted);
        self.at += if eaten { wanted.len_utf8() } else { 0 };
        eaten
    }

    fn value(&mut self, out: &mut Encoder<'_>, depth: usize) -> Result<(), String> {
        self.skip_spaces();
        let start = self.at;
        let len = self.rest().find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest().len());
        let name = &self.rest()[..len];
        self.at += len;
        match name {
            "null" => out.null(),
            "dontcare" => out.data(&Data::DontCare),
            "array" | "struct" => return self.sequence(name, out, depth),
            _ => {
                if !TYPES.contains(&name) || !self.rest().starts_with(':') {
                    self.at = start;
                    return Err(self.expected("a type, such as u16:5, octets:0102, null or struct(...)"));
                }
                self.at += 1;
                return self.literal(name, out);
            }
        }
        Ok(())
    }

    /// Elements between parentheses. Their number stands before them, so they are encoded apart.
    fn sequence(&mut self, name: &str, out: &mut Encoder<'_>, depth: usize) -> Result<(), String> {
        if depth >= DEPTH_MAX {
            return Err(self.expected("at most 15 levels"));
        }
        if !self.eat('(') {
            return Err(self.expected("("));
        }
        let (mut elements, mut count) = (Vec::new(), 0);
        while !self.eat(')') {
            if count > 0 && !self.eat(',') {
                return Err(self.expected(", or )"));
            }
            let mut element = Encoder::new(&mut elements, LEN_MAX);
            self.value(&mut element, depth + 1)?;
            element.finish().map_err(|_| self.expected("a shorter value"))?;
            count += 1;
        }
        if name == "array" {
            out.array(count)
        } else {
            out.structure(count)
        }
        let mut rest = plc_core::wire::Reader::new(&elements);
        while !rest.is_empty() {
            let element = Data::parse(&mut rest).map_err(|_| self.expected("fewer levels"))?;
            out.data(&element);
        }
        Ok(())
    }

    fn literal(&mut self, name: &str, out: &mut Encoder<'_>) -> Result<(), String> {
        let start = self.at;
        let written = if matches!(name, "text" | "utf8" | "octets") && self.rest().starts_with('"') {
            let octets = self.quoted()?;
            string(name, &octets, out)
        } else {
            let len = self.rest().find([',', ')']).unwrap_or(self.rest().len());
            let literal = self.rest()[..len].trim_end();
            self.at += literal.len();
            write_literal(name, literal, out)
        };
        written.ok_or_else(|| {
            self.at = start;
            self.expected(expectation(name))
        })
    }

    fn quoted(&mut self) -> Result<Vec<u8>, String> {
        let mut octets = Vec::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += at + 1;
                    return Ok(octets);
                }
                '\\' => match letters.next() {
                    Some((_, 'x')) => {
                        let pair: String = letters.by_ref().take(2).map(|(_, c)| c).collect();
                        let octet = unhex(&pair).and_then(|octets| octets.first().copied());
                        octets.push(octet.ok_or_else(|| self.expected("two hexadecimal digits behind \\x"))?);
                    }
                    Some((_, c @ ('"' | '\\'))) => octets.push(c as u8),
                    _ => return Err(self.expected("\\\", \\\\ or \\xNN behind \\")),
                },
                c => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Err(self.expected("a closing \""))
    }
}

fn write_literal(name: &str, text: &str, out: &mut Encoder<'_>) -> Option<()> {
    match name {
        "bool" => out.boolean(text.parse().ok()?),
        "i8" => out.i8(text.parse().ok()?),
        "i16" => out.i16(text.parse().ok()?),
        "i32" => out.i32(text.parse().ok()?),
        "i64" => out.i64(text.parse().ok()?),
        "u8" => out.u8(text.parse().ok()?),
        "u16" => out.u16(text.parse().ok()?),
        "u32" => out.u32(text.parse().ok()?),
        "u64" => out.u64(text.parse().ok()?),
        "enum" => out.enumeration(text.parse().ok()?),
        "f32" => out.f32(text.parse().ok()?),
        "f64" => out.f64(text.parse().ok()?),
        "bcd" => out.bcd(unhex(text).filter(|octets| octets.len() == 1)?[0]),
        "bits" => return bits(text, out),
        "octets" => out.octet_string(&unhex(text)?),
        "text" | "utf8" => return string(name, text.as_bytes(), out),
        "obis" => out.logical_name(text.parse::<LogicalName>().ok()?),
        "datetime" => out.octet_string(&date_time(text)?.octets()),
        "date" => out.octet_string(&date(text)?.octets()),
        "time" => out.octet_string(&time(text)?.octets()),
        "tag25" => out.data(&Data::DateTime(unhex(text)?.try_into().ok()?)),
        "tag26" => out.data(&Data::Date(unhex(text)?.try_into().ok()?)),
        "tag27" => out.data(&Data::Time(unhex(text)?.try_into().ok()?)),
        _ => return None,
    }
    Some(())
}

fn string(name: &str, octets: &[u8], out: &mut Encoder<'_>) -> Option<()> {
    match name {
        "utf8" => out.utf8_string(std::str::from_utf8(octets).ok()?),
        "octets" => out.octet_string(octets),
        _ => out.data(&Data::VisibleString(octets)),
    }
    Some(())
}

fn bits(text: &str, out: &mut Encoder<'_>) -> Option<()> {
    let mut octets = vec![0; text.len().div_ceil(8)];
    for (n, letter) in text.bytes().enumerate() {
        match letter {
            b'0' => {}
            b'1' => octets[n / 8] |= 0x80 >> (n % 8),
            _ => return None,
        }
    }
    out.bit_string(text.len(), &octets);
    Some(())
}

/// A date, `T`, a time, and how far that is from UTC.
fn date_time(text: &str) -> Option<ClockTime> {
    if text == "*" {
        return Some(ClockTime::UNSPECIFIED);
    }
    let (day, rest) = text.split_once('T')?;
    let zone = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone);
    let local = civil(day, clock)?;
    let time = |deviation: i16| {
        let utc = Utc::from_secs(local.as_secs() + 60 * i64::from(deviation));
        ClockTime::from_utc(utc, deviation, ClockStatus::OK)
    };
    let made = match zone {
        "" => {
            let mut octets = time(0).octets();
            octets[9..11].copy_from_slice(&DEVIATION_UNSPECIFIED);
            ClockTime::from_octets(octets)
        }
        "Z" => time(0),
        zone => {
            let (sign, minutes) = zone.split_at(1);
            let (hours, minutes) = minutes.split_once(':')?;
            let minutes = 60 * number::<i16>(hours, 2)? + number::<i16>(minutes, 2)?;
            // The deviation is UTC minus local time.
            time(if sign == "+" { -minutes } else { minutes })
        }
    };
    (made.deviation().is_none_or(|deviation| deviation.unsigned_abs() <= 720)).then_some(made)
}

/// A date and a time, as if they were UTC.
fn civil(day: &str, clock: &str) -> Option<Utc> {
    let (day, clock) = (date(day)?, time(clock)?);
    let (Month::Number(month), Day::Number(number)) = (day.month, day.day) else { return None };
    Utc::from_civil(day.year?.into(), month, number, clock.hour?, clock.minute?, clock.second?)
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (number::<u16>(year, 4)?, number::<u8>(month, 2)?, number::<u8>(day, 2)?);
    let weekday = Utc::from_civil(year.into(), month, day, 0, 0, 0)?.civil().weekday;
    Some(Date {
        year: Some(year),
        month: Month::Number(month),
        day: Day::Number(day),
        weekday: Some(weekday),
    })
}

fn time(text: &str) -> Option<Time> {
    let mut parts = text.splitn(3, ':');
    let mut next = |most| number::<u8>(parts.next()?, 2).filter(|&part| part <= most);
    Some(Time {
        hour: Some(next(23)?),
        minute: Some(next(59)?),
        second: Some(next(59)?),
        hundredths: Some(0),
    })
}

/// A number of so many digits.
fn number<N: std::str::FromStr>(text: &str, digits: usize) -> Option<N> {
    let whole = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
    if whole { text.parse().ok() } else { None }
}

fn expectation(name: &str) -> &'static str {
    match name {
        "bool" => "true or false",
        "i8" => "a number from -128 to 127",
        "i16" => "a number from -32768 to 32767",
        "i32" => "a number from -2147483648 to 2147483647",
        "i64" => "a number of 64 bits",
        "u8" | "enum" => "a number from 0 to 255",
        "u16" => "a number from 0 to 65535",
        "u32" => "a number from 0 to 4294967295",
        "u64" => "a number from 0 to 18446744073709551615",
        "f32" | "f64" => "a number",
        "bcd" => "two digits",
        "bits" => "0 and 1",
        "octets" => "hexadecimal digits, two for each octet",
        "obis" => "six numbers, such as 1.0.1.8.0.255",
        "datetime" => "a date and time, such as 2026-01-14T00:00:00Z, or *",
        "date" => "a date, such as 2026-01-14",
        "time" => "a time, such as 12:30:00",
        "tag25" => "24 hexadecimal digits",
        "tag26" => "10 hexadecimal digits",
        "tag27" => "8 hexadecimal digits",
        _ => "a text",
    }
}

fn write_value(text: &mut String, value: &Data<'_>) {
    let _ = match value {
        Data::Null => write!(text, "null"),
        Data::DontCare => write!(text, "dontcare"),
        Data::Array(elements) => return write_elements(text, "array", elements.iter()),
        Data::Structure(elements) => return write_elements(text, "struct", elements.iter()),
        Data::CompactArray(array) => return write_compact(text, array),
        Data::Boolean(value) => write!(text, "bool:{value}"),
        Data::BitString(bits) => write!(text, "bits:{}", digits(bits)),
        Data::OctetString(octets) => write!(text, "octets:{}", hex(octets)),
        Data::VisibleString(octets) => write!(text, "text:\"{}\"", escaped(octets)),
        Data::Utf8String(string) => write!(text, "utf8:\"{}\"", escaped_text(string)),
        Data::Bcd(value) => write!(text, "bcd:{value:02x}"),
        Data::I8(value) | Data::DeltaI8(value) => write!(text, "i8:{value}"),
        Data::I16(value) | Data::DeltaI16(value) => write!(text, "i16:{value}"),
        Data::I32(value) | Data::DeltaI32(value) => write!(text, "i32:{value}"),
        Data::U8(value) | Data::DeltaU8(value) => write!(text, "u8:{value}"),
        Data::U16(value) | Data::DeltaU16(value) => write!(text, "u16:{value}"),
        Data::U32(value) | Data::DeltaU32(value) => write!(text, "u32:{value}"),
        Data::I64(value) => write!(text, "i64:{value}"),
        Data::U64(value) => write!(text, "u64:{value}"),
        Data::Enum(value) => write!(text, "enum:{value}"),
        Data::F32(value) => write!(text, "f32:{value}"),
        Data::F64(value) => write!(text, "f64:{value}"),
        Data::DateTime(octets) => write!(text, "tag25:{}", hex(octets)),
        Data::Date(octets) => write!(text, "tag26:{}", hex(octets)),
        Data::Time(octets) => write!(text, "tag27:{}", hex(octets)),
        other => write!(text, "{other}"),
    };
}

fn write_elements<'a>(text: &mut String, name: &str, elements: impl Iterator<Item = Data<'a>>) {
    text.push_str(name);
    text.push('(');
    for (n, element) in elements.enumerate() {
        text.push_str(if n == 0 { "" } else { ", " });
        write_value(text, &element);
    }
    text.push(')');
}

fn write_compact(text: &mut String, array: &dlms::axdr::CompactArray<'_>) {
    let mut octets = Vec::new();
    let mut out = Encoder::new(&mut octets, LEN_MAX);
    array.expand(&mut out);
    match Data::from_bytes(&octets) {
        Ok(expanded) => write_value(text, &expanded),
        Err(_) => text.push_str("compact-array"),
    }
}

fn digits(bits: &BitString<'_>) -> String {
    let bit = |n: usize| bits.octets.get(n / 8).is_some_and(|octet| octet & 0x80 >> (n % 8) != 0);
    (0..bits.len).map(|n| if bit(n) { '1' } else { '0' }).collect()
}

fn escaped(octets: &[u8]) -> String {
    let letter = |&octet: &u8| match octet {
        b'"' | b'\\' => format!("\\{}", char::from(octet)),
        b' '..=b'~' => char::from(octet).to_string(),
        _ => format!("\\x{octet:02x}"),
    };
    octets.iter().map(letter).collect()
}

fn escaped_text(text: &str) -> String {
    let letter = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => c.to_string().bytes().map(|octet| format!("\\x{octet:02x}")).collect(),
        c => c.to_string(),
    };
    text.chars().map(letter).collect()
}

const TYPES: [&str; 24] = [
    "bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "enum", "bcd", "f32", "f64", "bits",
    "octets", "text", "utf8", "obis", "datetime", "date", "time", "tag25", "tag26", "tag27",
];
/// The longest value, and the deepest.
const LEN_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 15;
/// \[BB 4.1.6.1; confidence A\].
const DEVIATION_UNSPECIFIED: [u8; 2] = [0x80, 0x00];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(text: &str) -> String {
        parse(text).map(|value| hex(&value.0)).unwrap()
    }

    #[test]
    fn every_type_has_its_octets() {
        for (text, octets) in [
            ("null", "00"),
            ("bool:true", "0301"),
            ("bits:101", "0403a0"),
            ("i32:-2", "05fffffffe"),
            ("u32:123456", "060001e240"),
            ("octets:DEADbeef", "0904deadbeef"),
            ("text:abc", "0a03616263"),
            ("text:\"a, )\\x41\"", "0a05612c202941"),
            ("utf8:\"\u{e4}\"", "0c02c3a4"),
            ("bcd:12", "0d12"),
            ("i8:-1", "0fff"),
            ("i16:-2", "10fffe"),
            ("u8:200", "11c8"),
            ("u16:5", "120005"),
            ("i64:-2", "14fffffffffffffffe"),
            ("enum:30", "161e"),
            ("f32:1", "173f800000"),
            ("obis:1-0:1.8.0.255", "09060100010800ff"),
            ("datetime:2026-11-22T05:17:07Z", "090c07ea0b160705110700000000"),
            ("datetime:2026-07-01T14:00:00+02:00", "090c07ea0701030e000000ff8800"),
            ("datetime:2002-12-04T10:06:11", "090c07d20c04030a060b00800000"),
            ("datetime:*", "090cffffffffffffffffff8000ff"),
            ("date:2026-11-22", "090507ea0b1607"),
            ("time:12:30:00", "09040c1e0000"),
            ("struct(u8:1, array( ) ,struct(null,i8:2))", "0203110101000202000f02"),
        ] {
            assert_eq!(encoded(text), octets, "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_named_with_its_place() {
        for (text, expected) in [
            ("5", "at character 1: expected a type, such as u16:5"),
            ("", "found the end"),
            ("u16:65536", "at character 5: expected a number from 0 to 65535, found \"65536\""),
            ("struct(u8:1 u8:2)", "at character 11: expected a number from 0 to 255"),
            ("struct(u8:1", "expected , or ), found the end"),
            ("array(u8:1))", "at character 12: expected the end, found \")\""),
            ("octets:012", "at character 8: expected hexadecimal digits, two for each octet"),
            ("datetime:2026-02-30T00:00:00Z", "at character 10: expected a date and time"),
            ("datetime:2026-02-20T00:00:00+15:00", "expected a date and time"),
            ("text:\"abc", "expected a closing \""),
            ("long:1", "at character 1: expected a type"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    fn leaf() -> impl Strategy<Value = Vec<u8>> {
        let fixed = |tag: u8, len: usize| {
            proptest::collection::vec(any::<u8>(), len).prop_map(move |octets| [&[tag][..], &octets].concat())
        };
        let string = |tag: u8| {
            proptest::collection::vec(any::<u8>(), 0..20)
                .prop_map(move |octets| [&[tag, octets.len() as u8][..], &octets].concat())
        };
        let utf8 = ".{0,6}".prop_map(|text| [&[12, text.len() as u8][..], text.as_bytes()].concat());
        let bits = proptest::collection::vec(any::<bool>(), 0..20).prop_map(|bits| {
            let mut octets = vec![4, bits.len() as u8];
            octets.resize(2 + bits.len().div_ceil(8), 0);
            bits.iter()
                .enumerate()
                .filter(|(_, bit)| **bit)
                .for_each(|(n, _)| octets[2 + n / 8] |= 0x80 >> (n % 8));
            octets
        });
        let number = prop_oneof![
            Just(vec![0]),
            Just(vec![255]),
            fixed(5, 4),
            fixed(6, 4),
            fixed(13, 1),
            fixed(15, 1),
            fixed(16, 2),
            fixed(17, 1),
            fixed(18, 2),
            fixed(20, 8),
            fixed(21, 8),
            fixed(22, 1),
        ];
        let other = prop_oneof![string(9), string(10), utf8, bits, fixed(25, 12), fixed(26, 5), fixed(27, 4)];
        prop_oneof![number, other, any::<bool>().prop_map(|value| vec![3, u8::from(value)])]
    }

    fn tree() -> impl Strategy<Value = Vec<u8>> {
        leaf().prop_recursive(4, 40, 6, |element| {
            (1u8..=2, proptest::collection::vec(element, 0..6))
                .prop_map(|(tag, elements)| [vec![tag, elements.len() as u8], elements.concat()].concat())
        })
    }

    proptest! {
        #[test]
        fn a_printed_value_is_read_back(octets in tree()) {
            let value = Data::from_bytes(&octets).unwrap();
            let text = print(&value);
            prop_assert_eq!(parse(&text), Ok(Encoded(octets.clone())), "{}", text);
        }

        #[test]
        fn a_printed_float_is_read_back(single: f32, double: f64) {
            prop_assume!(!single.is_nan() && !double.is_nan());
            for value in [Data::F32(single), Data::F64(double)] {
                let read = parse(&print(&value)).unwrap();
                prop_assert_eq!(Data::from_bytes(&read.0), Ok(value));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,30}|[a-z0-9]{1,8}[:(][^\u{0}]{0,12}|[su8:1,()\\\\\"x]{0,20}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn octets_that_are_letters_may_be_written_as_such() {
        let host = parse("octets:\"[::1]:4061\"").unwrap();
        assert_eq!(host, parse("octets:5b3a3a315d3a34303631").unwrap());
        assert!(parse("octets:\"open").is_err());
    }
}
