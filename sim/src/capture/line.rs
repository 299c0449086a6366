//! One line of a capture.

use crate::frame::{Body, Frame, Quality};
use crate::grid::Supply;
use plc_core::Instant;
use plc_core::sap::{
    Lqi, Modulation, ModulationScheme, PhaseDifference, PhyLoss, Psdu, ToneMap, TxGain, TxParameters, TxStep,
};
use std::fmt::Write;

/// Something that happened to a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// What.
    pub input: Input,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// It got its power.
    On,
    /// It lost its power.
    Off,
    /// Its supply was lost: it lives on what it has stored.
    SupplyLost,
    /// Its supply was back before it had died.
    SupplyBack,
    /// Its deadline passed.
    Tick,
    /// It was told what has flowed.
    Count,
    /// Its mains have become these.
    Mains(Box<Supply>),
    /// Its clock was set so many milliseconds ahead.
    Clock(i64),
    /// The firmware of this action of the scenario was ordered, from 0.
    Order(usize),
    /// Its frame left: this one.
    Start(Box<Frame>),
    /// Its frame has left.
    Sent,
    /// It heard a preamble.
    Preamble,
    /// It understood a header.
    Header {
        /// End of the payload.
        ends: Instant,
        /// Whether an acknowledgement is asked for.
        response_expected: bool,
    },
    /// It received a frame.
    Received(Box<Frame>, Quality),
    /// It lost what it was receiving.
    Lost(PhyLoss),
    /// A preamble broke off.
    FalsePreamble,
}

impl Entry {
    /// The entry as a line.
    pub fn text(&self) -> String {
        let mut text = format!("{} ", self.at.as_nanos());
        match &self.input {
            Input::On => text += "on",
            Input::Off => text += "off",
            Input::SupplyLost => text += "supply-lost",
            Input::SupplyBack => text += "supply-back",
            Input::Tick => text += "tick",
            Input::Count => text += "count",
            Input::Mains(supply) => text += &format!("mains {}", supply.text()),
            Input::Clock(ahead_ms) => text += &format!("clock {ahead_ms}"),
            Input::Order(action) => text += &format!("order {action}"),
            Input::Start(frame) => text += &format!("start {}", frame_text(frame)),
            Input::Sent => text += "sent",
            Input::Preamble => text += "preamble",
            Input::Header { ends, response_expected } => {
                text += &format!("header {} {}", ends.as_nanos(), u8::from(*response_expected));
            }
            Input::Received(frame, quality) => {
                let groups: Vec<u8> = quality.group_lqi.iter().map(|lqi| lqi.0).collect();
                let (lqi, phase) = (quality.lqi.0, quality.phase_difference.0);
                text += &format!("received {lqi} {phase} {} {}", hex(&groups), frame_text(frame));
            }
            Input::Lost(PhyLoss::Header) => text += "lost header",
            Input::Lost(PhyLoss::Unsupported) => text += "lost unsupported",
            Input::Lost(PhyLoss::Payload) => text += "lost payload",
            Input::FalsePreamble => text += "false",
        }
        text
    }

    /// The entry of a line; `None` if it is none. A line is one only as [`Self::text`] writes it.
    pub fn parse(line: &str) -> Option<Self> {
        Self::read(line).filter(|entry| entry.text() == line)
    }

    /// All times of the entry: when it happened, and those of the frame in it.
    pub(super) fn times(&self) -> impl Iterator<Item = Instant> {
        let of = |frame: &Frame| [frame.start, frame.preamble_ends, frame.header_ends, frame.ends];
        let more = match &self.input {
            Input::Start(frame) | Input::Received(frame, _) => of(frame),
            Input::Header { ends, .. } => [*ends; 4],
            _ => [self.at; 4],
        };
        more.into_iter().chain([self.at])
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at = instant(words.next()?)?;
        let input = match words.next()? {
            "on" => Input::On,
            "off" => Input::Off,
            "supply-lost" => Input::SupplyLost,
            "supply-back" => Input::SupplyBack,
            "tick" => Input::Tick,
            "count" => Input::Count,
            "mains" => Input::Mains(Box::new(Supply::parse(words.next()?)?)),
            "clock" => Input::Clock(words.next()?.parse().ok()?),
            "order" => Input::Order(words.next()?.parse().ok()?),
            "start" => Input::Start(Box::new(frame(&mut words)?)),
            "sent" => Input::Sent,
            "preamble" => Input::Preamble,
            "header" => {
                Input::Header { ends: instant(words.next()?)?, response_expected: words.next()? == "1" }
            }
            "received" => received(&mut words)?,
            "lost" => Input::Lost(match words.next()? {
                "header" => PhyLoss::Header,
                "unsupported" => PhyLoss::Unsupported,
                "payload" => PhyLoss::Payload,
                _ => return None,
            }),
            "false" => Input::FalsePreamble,
            _ => return None,
        };
        words.next().is_none().then_some(Self { at, input })
    }
}

fn received<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Input> {
    let lqi = Lqi(words.next()?.parse().ok()?);
    let phase_difference = PhaseDifference(words.next()?.parse().ok()?);
    let groups: Vec<Lqi> = octets(words.next()?)?.into_iter().map(Lqi).collect();
    let group_lqi = heapless::Vec::from_slice(&groups).ok()?;
    let frame = frame(words)?;
    Some(Input::Received(Box::new(frame), Quality { lqi, group_lqi, phase_difference }))
}

fn frame_text(frame: &Frame) -> String {
    let times =
        [frame.start, frame.preamble_ends, frame.header_ends, frame.ends].map(|at| at.as_nanos().to_string());
    let body = match &frame.body {
        Body::Ack { fcs, more_segments, negative } => {
            format!("ack {fcs} {} {}", u8::from(*more_segments), u8::from(*negative))
        }
        Body::Data { psdu, tx, gain, response_expected } => format!(
            "data {} {} {} {} {} {} {} {}",
            tx.modulation as u8,
            tx.scheme as u8,
            tx.tone_map.0,
            gain.step as u8,
            gain.steps,
            hex(&gain.group_steps),
            u8::from(*response_expected),
            hex(psdu)
        ),
    };
    format!("{} {body}", times.join(" "))
}

fn frame<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Frame> {
    let mut time = || instant(words.next()?);
    let (start, preamble_ends, header_ends, ends) = (time()?, time()?, time()?, time()?);
    let body = match words.next()? {
        "ack" => Body::Ack {
            fcs: words.next()?.parse().ok()?,
            more_segments: words.next()? == "1",
            negative: words.next()? == "1",
        },
        "data" => data(words)?,
        _ => return None,
    };
    Some(Frame { start, preamble_ends, header_ends, ends, body })
}

fn data<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Body> {
    use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
    let modulation = *[Robo, Bpsk, Qpsk, Psk8, Qam16].get(words.next()?.parse::<usize>().ok()?)?;
    let schemes = [ModulationScheme::Differential, ModulationScheme::Coherent];
    let scheme = *schemes.get(words.next()?.parse::<usize>().ok()?)?;
    let tone_map = ToneMap(words.next()?.parse().ok()?);
    let step = *[TxStep::SixDb, TxStep::ThreeDb].get(words.next()?.parse::<usize>().ok()?)?;
    let steps = words.next()?.parse().ok()?;
    let group_steps = octets(words.next()?)?.try_into().ok()?;
    let response_expected = words.next()? == "1";
    let psdu = Psdu::from_slice(&octets(words.next()?)?).ok()?;
    let (tx, gain) = (TxParameters { modulation, scheme, tone_map }, TxGain { step, steps, group_steps });
    Some(Body::Data { psdu, tx, gain, response_expected })
}

fn instant(word: &str) -> Option<Instant> {
    word.parse().ok().map(Instant::from_nanos)
}

fn hex(octets: &[u8]) -> String {
    if octets.is_empty() {
        return "-".to_owned();
    }
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn octets(word: &str) -> Option<Vec<u8>> {
    if word == "-" {
        return Some(Vec::new());
    }
    let digits = word.as_bytes();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(octet).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::sap::GROUPS_MAX;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = Frame> {
        let ack = (any::<u16>(), any::<bool>(), any::<bool>())
            .prop_map(|(fcs, more_segments, negative)| Body::Ack { fcs, more_segments, negative });
        let tx = (0usize..5, any::<bool>(), any::<u32>()).prop_map(|(modulation, coherent, map)| {
            use Modulation::{Bpsk, Psk8, Qam16, Qpsk, Robo};
            let scheme = if coherent { ModulationScheme::Coherent } else { ModulationScheme::Differential };
            let modulation = [Robo, Bpsk, Qpsk, Psk8, Qam16][modulation];
            TxParameters { modulation, scheme, tone_map: ToneMap(map) }
        });
        let groups = TxGain::default().group_steps.len();
        let gain = (any::<bool>(), any::<u8>(), prop::collection::vec(any::<u8>(), groups)).prop_map(
            |(three, steps, groups)| TxGain {
                step: if three { TxStep::ThreeDb } else { TxStep::SixDb },
                steps,
                group_steps: groups.try_into().expect("as many as there are"),
            },
        );
        let psdu = prop::collection::vec(any::<u8>(), 0..80);
        let data = (psdu, tx, gain, any::<bool>()).prop_map(|(psdu, tx, gain, response_expected)| {
            let psdu = Psdu::from_slice(&psdu).expect("it is short");
            Body::Data { psdu, tx, gain, response_expected }
        });
        (any::<[u64; 4]>(), prop_oneof![ack, data]).prop_map(|(times, body)| {
            let [start, preamble_ends, header_ends, ends] = times.map(Instant::from_nanos);
            Frame { start, preamble_ends, header_ends, ends, body }
        })
    }

    fn any_quality() -> impl Strategy<Value = Quality> {
        (any::<u8>(), prop::collection::vec(any::<u8>(), 0..GROUPS_MAX), any::<u8>()).prop_map(
            |(lqi, groups, phase)| Quality {
                lqi: Lqi(lqi),
                group_lqi: groups.into_iter().map(Lqi).collect(),
                phase_difference: PhaseDifference(phase),
            },
        )
    }

    fn any_input() -> impl Strategy<Value = Input> {
        let losses = [PhyLoss::Header, PhyLoss::Unsupported, PhyLoss::Payload];
        prop_oneof![
            prop::sample::select(vec![Input::On, Input::Off, Input::Tick, Input::Count]),
            prop::sample::select(vec![Input::Sent, Input::Preamble, Input::FalsePreamble]),
            any::<i64>().prop_map(Input::Clock),
            any::<usize>().prop_map(Input::Order),
            any_frame().prop_map(|frame| Input::Start(Box::new(frame))),
            (any::<u64>(), any::<bool>()).prop_map(|(ends, response_expected)| {
                Input::Header { ends: Instant::from_nanos(ends), response_expected }
            }),
            (any_frame(), any_quality())
                .prop_map(|(frame, quality)| Input::Received(Box::new(frame), quality)),
            prop::sample::select(losses.to_vec()).prop_map(Input::Lost),
        ]
    }

    #[test]
    fn a_line_that_says_the_same_in_other_words_is_none() {
        for line in ["5 header 9 1", "5 tick", "5 clock -3", "5 start 1 2 3 4 ack 9 0 1"] {
            assert_eq!(Entry::parse(line).map(|entry| entry.text()).as_deref(), Some(line));
        }
        let others = ["+5 tick", "05 tick", "5  tick", "5 tick ", "5 clock +3", "5 header 9 2", "5 Tick"];
        let frames =
            ["5 start 1 2 3 4 ack 9 0 true", "5 start 1 2 3 4 ack 09 0 1", "5 start 1 2 3 4 ack 9 0"];
        for line in others.into_iter().chain(frames) {
            assert_eq!(Entry::parse(line), None, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn every_entry_comes_back_from_its_line(at: u64, input in any_input()) {
            let entry = Entry { at: Instant::from_nanos(at), input };
            let line = entry.text();
            prop_assert!(!line.contains('\n'));
            prop_assert_eq!(Entry::parse(&line), Some(entry));
        }

        #[test]
        fn a_line_that_was_spoilt_is_none_or_another_entry(
            at: u64, input in any_input(), place: prop::sample::Index, with in prop::char::range(' ', '~'),
        ) {
            let entry = Entry { at: Instant::from_nanos(at), input };
            let mut spoilt: Vec<char> = entry.text().chars().collect();
            let place = place.index(spoilt.len());
            prop_assume!(spoilt[place] != with);
            spoilt[place] = with;
            let spoilt: String = spoilt.into_iter().collect();
            if let Some(other) = Entry::parse(&spoilt) {
                prop_assert_ne!(&other, &entry);
                prop_assert_eq!(other.text(), spoilt);
            }
        }

        #[test]
        fn no_text_panics(text: String, cut: prop::sample::Index, input in any_input()) {
            let _ = Entry::parse(&text);
            let line = Entry { at: Instant::EPOCH, input }.text();
            let _ = Entry::parse(&line[..cut.index(line.len())]);
        }

        #[test]
        fn random_lines_never_panic_and_what_is_parsed_is_written_alike(
            line in "[0-9]{1,4} (on|off|tick|count|clock|start|sent|header|received|lost|false)( [0-9a-f]{1,4}){0,9}",
        ) {
            if let Some(entry) = Entry::parse(&line) {
                prop_assert_eq!(entry.text(), line);
            }
        }
    }
}
