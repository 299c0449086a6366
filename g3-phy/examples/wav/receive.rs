//! `wav rx`: every frame of a file, in words.

use crate::args::Args;
use crate::constellation::Scatter;
use crate::transmit::FCS_LEN;
use crate::{Fault, mode, recording, svg};
use g3_phy::g3::specs::{S_SYMBOLS, SYMBOL_HOP};
use g3_phy::{BandPlan, Counters, Exchange, Interop, Modem};
use plc_core::Instant;
use plc_core::crc::g3_fcs;
use plc_core::sap::*;
use std::path::{Path, PathBuf};

/// Samples of a block.
const BLOCK: usize = 4000;

pub(crate) fn run(mut args: Args) -> Result<String, Fault> {
    let plan = mode::band(&mut args)?;
    let interop = mode::reading(&mut args, plan)?;
    let drawing: Option<PathBuf> = args.optional("--constellation", "the SVG file to write")?;
    let path = args.file("the WAV file to read")?;
    let samples = recording::read(&path, plan)?;
    let heard = listen(plan, interop, &samples);
    if heard.indications.is_empty() {
        return Err(nothing(&path, plan, &samples, &heard.counters));
    }
    let mut report = Report { plan, frames: 0, text: String::new() };
    heard.indications.iter().for_each(|indication| report.add(indication));
    if let Some(drawing) = drawing {
        draw(&drawing, plan, &samples, &heard)?;
    }
    Ok(report.text)
}

/// What a modem has made of a recording.
pub(crate) struct Heard {
    /// Data, acknowledgements and losses, in order.
    pub(crate) indications: Vec<PhyIndication>,
    /// Headers of frames with a payload that were understood.
    pub(crate) headers: usize,
    /// What it has counted.
    pub(crate) counters: Counters,
}

/// Feeds `samples` to a modem, block by block.
pub(crate) fn listen(plan: &'static BandPlan, interop: Interop, samples: &[f32]) -> Heard {
    let mut modem = mode::modem(plan, interop, 1.0);
    let mut heard = Heard { indications: Vec::new(), headers: 0, counters: Counters::default() };
    let mut mute = vec![0.0; BLOCK];
    for block in samples.chunks(BLOCK) {
        let transmitted = &mut mute[..block.len()];
        modem.on_medium(Instant::EPOCH, Exchange::Block { received: block, transmitted });
        heard.take(&mut modem);
    }
    // What is still open ends here, and is told.
    modem.on_medium(Instant::EPOCH, Exchange::Gap { samples: 1 });
    heard.take(&mut modem);
    heard.counters = modem.counters();
    heard
}

impl Heard {
    fn take(&mut self, modem: &mut Modem) {
        while let Some(indication) = Phy::poll(modem) {
            match indication {
                PhyIndication::CarrierSense(CarrierSense::Frame { .. }) => self.headers += 1,
                PhyIndication::CarrierSense(_) | PhyIndication::Confirm { .. } => {}
                heard => self.indications.push(heard),
            }
        }
    }

    /// The frames with a payload.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &PdDataIndication> {
        self.indications.iter().filter_map(|heard| match heard {
            PhyIndication::Data(frame) => Some(frame),
            _ => None,
        })
    }
}

fn nothing(path: &Path, plan: &BandPlan, samples: &[f32], counters: &Counters) -> Fault {
    let seconds = samples.len() as f64 / f64::from(plan.sample_rate_hz);
    format!(
        "{} holds no frame of {}: {seconds:.3} s were searched, {} preambles led nowhere; expected frames of this band",
        path.display(),
        plan.name,
        counters.false_preambles
    )
}

fn draw(drawing: &Path, plan: &'static BandPlan, samples: &[f32], heard: &Heard) -> Result<(), Fault> {
    let frames: Vec<_> = heard.frames().take(svg::PANELS_MAX).collect();
    if frames.is_empty() {
        return Err(format!(
            "{} is not drawn: expected at least one frame with a payload",
            drawing.display()
        ));
    }
    let panels: Vec<Scatter> = frames.into_iter().map(|frame| Scatter::of(plan, samples, frame)).collect();
    std::fs::write(drawing, svg::constellations(&panels))
        .map_err(|error| format!("cannot write {}: {error}", drawing.display()))
}

/// What was heard in words, numbered.
struct Report {
    plan: &'static BandPlan,
    frames: usize,
    text: String,
}

impl Report {
    fn add(&mut self, indication: &PhyIndication) {
        self.frames += 1;
        match indication {
            PhyIndication::Data(frame) => self.data(frame),
            PhyIndication::Ack(ack) => self.ack(ack),
            PhyIndication::Lost { loss, ended } => self.lost(*loss, *ended),
            PhyIndication::CarrierSense(_) | PhyIndication::Confirm { .. } => {}
        }
    }

    fn data(&mut self, frame: &PdDataIndication) {
        let lasted = frame.ended.since(frame.started).as_secs_f64() * 1e3;
        self.line(format!("frame {} at {}, {lasted:.3} ms", self.frames, seconds(frame.started)));
        self.line(format!("  FCH        {}", self.dissect(frame)));
        self.line(format!("  LQI        {} ({:.2} dB)", frame.lqi.0, frame.lqi.snr_db()));
        self.line(format!("  SNR        {} dB", groups(self.plan, frame)));
        self.line(format!("  corrected  {} octets", frame.corrected_octets));
        self.line(format!("  PSDU       {} octets", frame.psdu.len()));
        for (row, octets) in frame.psdu.chunks(16).enumerate() {
            self.line(format!("    {}", dump(row * 16, octets)));
        }
        let right = if closes(&frame.psdu) { "right" } else { "not that of a MAC frame" };
        self.line(format!("  FCS        {right}"));
        if let Some(text) = text(&frame.psdu) {
            self.line(format!("  text       {text}"));
        }
    }

    fn ack(&mut self, ack: &PdAckIndication) {
        self.line(format!("frame {} until {}", self.frames, seconds(ack.ended)));
        let name = if ack.negative { "NACK" } else { "ACK" };
        let more = if ack.more_segments { ", more segments" } else { "" };
        self.line(format!("  FCH        {name} of FCS {:04x}{more}", ack.fcs));
        self.line(format!("  LQI        {} ({:.2} dB)", ack.lqi.0, ack.lqi.snr_db()));
    }

    fn lost(&mut self, loss: PhyLoss, ended: Instant) {
        let reason = match loss {
            PhyLoss::Header => "a preamble, but no header whose check sequence is right",
            PhyLoss::Unsupported => "a header of a kind that this receiver cannot follow",
            PhyLoss::Payload => "a header, but a payload with more errors than its code corrects, or cut off",
        };
        self.line(format!("frame {} lost until {}: {reason}", self.frames, seconds(ended)));
    }

    fn line(&mut self, line: String) {
        self.text.push_str(&line);
        self.text.push('\n');
    }

    /// The header in words.
    fn dissect(&self, frame: &PdDataIndication) -> String {
        let samples = frame.ended.since(frame.started).as_secs_f64() * f64::from(self.plan.sample_rate_hz);
        let extra = if frame.tx.scheme == ModulationScheme::Coherent { S_SYMBOLS } else { 0 };
        let symbols = (samples.round() as usize - self.plan.frame_len(extra)) / SYMBOL_HOP;
        let response = if frame.response_expected { ", response expected" } else { "" };
        format!(
            "SOF {}, tone map {:?}, {symbols} symbols{response}",
            mode::name(&frame.tx),
            frame.tx.tone_map
        )
    }
}

fn seconds(at: Instant) -> String {
    format!("{:.6} s", at.since(Instant::EPOCH).as_secs_f64())
}

/// Signal-to-noise ratio of each group; those without data in brackets.
fn groups(plan: &BandPlan, frame: &PdDataIndication) -> String {
    let of = |(group, lqi): (usize, &Lqi)| match plan.is_active(frame.tx.tone_map, group * plan.group_size())
    {
        true => format!("{:.1}", lqi.snr_db()),
        false => format!("({:.1})", lqi.snr_db()),
    };
    frame.group_lqi.iter().enumerate().map(of).collect::<Vec<_>>().join(" ")
}

/// Sixteen octets as hexadecimal digits and as characters.
fn dump(offset: usize, octets: &[u8]) -> String {
    let digits: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let shown = |&octet: &u8| if (0x20..0x7F).contains(&octet) { char::from(octet) } else { '.' };
    let characters: String = octets.iter().map(shown).collect();
    format!("{offset:04x}  {:<47}  {characters}", digits.join(" "))
}

/// Whether `psdu` ends with the FCS of what stands before.
pub(crate) fn closes(psdu: &[u8]) -> bool {
    let split = psdu.split_last_chunk::<FCS_LEN>();
    split.is_some_and(|(body, fcs)| g3_fcs(body) == u16::from_le_bytes(*fcs))
}

/// The octets before padding and FCS, if they are text.
fn text(psdu: &[u8]) -> Option<&str> {
    let psdu = if closes(psdu) { &psdu[..psdu.len() - FCS_LEN] } else { psdu };
    let len = psdu.iter().rposition(|&octet| octet != 0)? + 1;
    let text = std::str::from_utf8(&psdu[..len]).ok()?;
    (!text.chars().any(|c| c.is_control() && !c.is_whitespace())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_stands_before_the_padding() {
        assert_eq!(text(b"Gr\xC3\xBC\xC3\x9Fe\n\0\0"), Some("Grüße\n"));
        assert_eq!(text(b"ab\x01\0"), None);
        assert_eq!(text(b"\xFF\0"), None);
        assert_eq!(text(&[0; 4]), None);
    }

    #[test]
    fn octets_are_shown_as_digits_and_characters() {
        assert_eq!(dump(16, b"G3\x00"), format!("0010  47 33 00{}  G3.", " ".repeat(39)));
    }
}
