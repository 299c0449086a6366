//! The commands as a user calls them.

use super::*;
use hound::{SampleFormat, WavSpec, WavWriter};
use std::path::PathBuf;

/// A file of this test that goes when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("g3-phy-wav-{}-{name}", std::process::id())))
    }

    /// A WAV file of one second of silence.
    fn wav(name: &str, channels: u16, sample_rate: u32, bits_per_sample: u16) -> Self {
        let scratch = Self::new(name);
        let spec = WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int };
        let mut writer = WavWriter::create(&scratch.0, spec).unwrap();
        (0..400_000 * u32::from(channels)).for_each(|_| writer.write_sample(0).unwrap());
        writer.finalize().unwrap();
        scratch
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

fn wav(words: &[&str]) -> Result<String, Fault> {
    run(Args::new(words.iter().map(|word| (*word).to_owned())))
}

#[test]
fn what_is_written_is_found_and_read() {
    let file = Scratch::new("frames.wav");
    for (modulation, format) in [("ROBO", "--float"), ("DBPSK", "--float"), ("DQPSK", ""), ("D8PSK", "")] {
        let mut words =
            vec!["tx", "--modulation", modulation, "--frames", "3", "--snr", "18", "--text", "Grüße"];
        words.extend([format, file.path()].iter().filter(|word| !word.is_empty()));
        assert!(wav(&words).unwrap().starts_with("3 frames of "), "{words:?}");
        let text = wav(&["rx", file.path()]).unwrap();
        assert_eq!(text.matches("  text       Grüße\n").count(), 3, "{text}");
        assert_eq!(text.matches("  FCS        right\n").count(), 3, "{text}");
        assert!(
            text.starts_with("frame 1 at 0.02000")
                && text.contains(&format!("SOF {modulation}, tone map 00003f"))
        );
    }
}

#[test]
fn every_band_is_written_and_read() {
    let file = Scratch::new("bands.wav");
    for band in ["FCC", "FCC-1.a", "FCC-1.b", "ARIB"] {
        let options = ["--band", band, "--modulation", "DQPSK", "--snr", "15", "--text", "G3", file.path()];
        wav(&[&["tx"], &options[..]].concat()).unwrap();
        let text = wav(&["rx", "--band", band, file.path()]).unwrap();
        assert!(
            text.contains("  text       G3\n") && text.contains("  FCS        right\n"),
            "{band}: {text}"
        );
    }
    let fault = wav(&["rx", file.path()]).unwrap_err();
    assert!(fault.ends_with("has 1200000 samples per second: expected 400000 for CENELEC-A"), "{fault}");
}

#[test]
fn masked_carriers_are_silent_at_both_ends() {
    let file = Scratch::new("mask.wav");
    wav(&["tx", "--mask", "39-49,52", "--modulation", "D8PSK", "--snr", "20", file.path()]).unwrap();
    let text = wav(&["rx", "--mask", "39-49,52", file.path()]).unwrap();
    assert!(text.contains("  FCS        right\n"), "{text}");
}

#[test]
fn a_spectrum_is_drawn_and_told() {
    let drawing = Scratch::new("spectrum.svg");
    let text = wav(&["spectrum", "--notch", "39-49", drawing.path()]).unwrap();
    assert!(
        text.contains("CENELEC-A without 39..49: ")
            && text.contains("  notch 39..49           ")
            && text.contains(" dB deep\n"),
        "{text}"
    );
    let svg = std::fs::read_to_string(&drawing.0).unwrap();
    assert_eq!(svg.matches("<polyline").count(), 4);
    let plain = wav(&["spectrum", "--notch", "39-49", "--plain", drawing.path()]).unwrap();
    assert!(plain.contains("  notch 39..49           1") && plain != text, "{plain}");
}

#[test]
fn octets_are_sent_as_they_are() {
    let file = Scratch::new("octets.wav");
    wav(&["tx", "--psdu", "00ff1b", "--tone-map", "15", "--modulation", "DQPSK", file.path()]).unwrap();
    let text = wav(&["rx", file.path()]).unwrap();
    assert!(text.contains("    0000  00 ff 1b 00 00") && text.contains("tone map 000015"), "{text}");
    assert!(text.contains("  FCS        not that of a MAC frame\n") && !text.contains("  text"), "{text}");
}

#[test]
fn a_recording_made_with_another_reading_is_explained() {
    let file = Scratch::new("reading.wav");
    // Header not scrambled, check bits in natural order.
    wav(&["tx", "--reading", "5", "--frames", "2", "--modulation", "DBPSK", file.path()]).unwrap();
    assert!(wav(&["rx", file.path()]).unwrap().starts_with("frame 1 lost until "));
    assert_eq!(wav(&["rx", "--reading", "5", file.path()]).unwrap().matches("  FCS        right").count(), 2);
    let text = wav(&["hypotheses", "--top", "1", file.path()]).unwrap();
    assert!(
        text.contains("  fch_scrambled: false\n") && text.contains("  check_placement: HighestFirst\n"),
        "{text}"
    );
    assert!(text.contains("  interleaver: LargerFirst\n") && text.contains("  pad_bit: open, "), "{text}");
    let best = text.lines().last().unwrap();
    assert!(best.starts_with("    2      2       2    0    0         0"), "{best}");
}

#[test]
fn the_points_of_a_frame_are_drawn_around_what_was_sent() {
    let (file, drawing) = (Scratch::new("points.wav"), Scratch::new("points.svg"));
    wav(&["tx", "--modulation", "D8PSK", "--snr", "20", file.path()]).unwrap();
    wav(&["rx", "--constellation", drawing.path(), file.path()]).unwrap();
    let svg = std::fs::read_to_string(&drawing.0).unwrap();
    // 20 symbols on 36 carriers. Differences of two noisy symbols are 3 dB worse than either.
    assert_eq!(svg.matches("r=\"1.4\"").count(), 20 * 36);
    let ratio = svg.split("modulation error ratio ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!((ratio.parse::<f32>().unwrap() - 17.0).abs() < 0.7, "{ratio}");
}

#[test]
fn the_points_of_coherent_frames_are_those_of_their_constellation() {
    let (file, drawing) = (Scratch::new("coherent.wav"), Scratch::new("coherent.svg"));
    for (modulation, symbols) in [("BPSK", 29), ("QPSK", 15), ("8PSK", 10), ("16QAM", 8)] {
        let options = ["--band", "FCC", "--modulation", modulation, "--snr", "24", file.path()];
        wav(&[&["tx"], &options[..]].concat()).unwrap();
        let text = wav(&["rx", "--band", "FCC", "--constellation", drawing.path(), file.path()]).unwrap();
        assert!(text.contains(&format!("SOF {modulation}, tone map ffffff, {symbols} symbols\n")), "{text}");
        let svg = std::fs::read_to_string(&drawing.0).unwrap();
        let ratio =
            svg.split("modulation error ratio ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        // What is learnt of the line from two symbols, and followed from there, is noisy, too: up to 1 dB at first.
        assert!((23.1..24.1).contains(&ratio.parse::<f32>().unwrap()), "{modulation}: {ratio}");
    }
}

#[test]
fn bad_files_are_refused_with_what_was_expected() {
    let refused = |file: &Scratch| {
        let faults = ["rx", "hypotheses"].map(|command| wav(&[command, file.path()]).unwrap_err());
        assert_eq!(faults[0], faults[1]);
        faults[0].replace(file.path(), "FILE")
    };
    let file = Scratch::new("bad.wav");
    assert_eq!(refused(&file), "FILE does not exist");
    std::fs::write(&file.0, b"").unwrap();
    assert_eq!(refused(&file), "FILE ends within its header: expected a WAV file");
    std::fs::write(&file.0, [b'x'; 100]).unwrap();
    assert!(refused(&file).starts_with("FILE is no WAV file ("), "{}", refused(&file));
    let stereo = Scratch::wav("stereo.wav", 2, 400_000, 16);
    assert_eq!(refused(&stereo), "FILE has 2 channels: expected one (mono)");
    let rate = Scratch::wav("rate.wav", 1, 44_100, 16);
    assert_eq!(refused(&rate), "FILE has 44100 samples per second: expected 400000 for CENELEC-A");
    let coarse = Scratch::wav("coarse.wav", 1, 400_000, 8);
    assert_eq!(refused(&coarse), "FILE has 8-bit integer samples: expected 16-bit integer or 32-bit float");
    let cut = Scratch::wav("cut.wav", 1, 400_000, 16);
    let octets = std::fs::read(&cut.0).unwrap();
    std::fs::write(&cut.0, &octets[..octets.len() - 100_001]).unwrap();
    assert_eq!(refused(&cut), "FILE is cut off: its header promises 400000 samples, 349999 are there");
}

#[test]
fn silence_holds_no_frame() {
    let silence = Scratch::wav("silence.wav", 1, 400_000, 16);
    let fault = wav(&["rx", silence.path()]).unwrap_err();
    assert!(fault.contains("holds no frame of CENELEC-A: 1.000 s were searched"), "{fault}");
    let fault = wav(&["hypotheses", silence.path()]).unwrap_err();
    assert!(fault.contains("holds no preamble of CENELEC-A"), "{fault}");
}

#[test]
fn a_frame_that_the_file_cuts_off_is_told() {
    let file = Scratch::new("short.wav");
    wav(&["tx", "--float", "--modulation", "ROBO", file.path()]).unwrap();
    let reader = hound::WavReader::open(&file.0).unwrap();
    let (spec, samples): (_, Vec<f32>) = (reader.spec(), reader.into_samples().map(Result::unwrap).collect());
    let mut writer = WavWriter::create(&file.0, spec).unwrap();
    samples[..40_000].iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    let text = wav(&["rx", file.path()]).unwrap();
    assert!(text.contains("frame 1 lost until 0.1000") && text.contains("or cut off"), "{text}");
}

#[test]
fn wrong_words_are_refused_with_what_was_expected() {
    let refused = |words: &[&str], expected: &str| {
        let fault = wav(words).unwrap_err();
        assert!(fault.contains(expected), "{words:?}: {fault}");
    };
    refused(&[], "no command");
    refused(&["fly"], "unknown command \"fly\"");
    refused(&["tx"], "no file is named: expected the WAV file to write");
    refused(&["tx", "--band", "FM", "x.wav"], "--band FM: unknown band: expected one of CENELEC-A");
    refused(
        &["tx", "--modulation", "AM", "x.wav"],
        "--modulation AM: expected one of ROBO, DBPSK, DQPSK, D8PSK, ",
    );
    refused(&["tx", "--tone-map", "40", "x.wav"], "--tone-map 40: expected hexadecimal digits from 1 to 3F");
    refused(&["tx", "--band", "CENELEC-B", "x.wav"], "CENELEC-B needs the 16 phases of its preamble");
    refused(&["tx", "--mask", "x", "x.wav"], "--mask x: expected indices of carriers, such as 39-49");
    refused(&["tx", "--mask", "20-30", "x.wav"], "expected carriers of CENELEC-A, from 23 to 58");
    refused(&["tx", "--mask", "23-55", "x.wav"], "the tone mask leaves 3 carriers: expected at least 6");
    refused(&["tx", "--psdu", "abc", "x.wav"], "--psdu abc: expected pairs of hexadecimal digits");
    refused(&["tx", "--psdu", "zz", "x.wav"], "--psdu zz: expected pairs of hexadecimal digits");
    refused(&["tx", "--text", "a", "--psdu", "00", "x.wav"], "expected one of them");
    refused(&["tx", "--frames", "0", "x.wav"], "--frames 0: expected a whole number from 1 to 10000");
    refused(&["tx", "--snr", "nan", "x.wav"], "expected decibels from -30 to 100");
    refused(
        &["tx", "--text", &"x".repeat(132), "x.wav"],
        "134 octets do not fit a frame: ROBO with tone map 00003f carries 133",
    );
    refused(&["tx", "/nonexistent/x.wav"], "cannot write /nonexistent/x.wav");
    refused(&["rx", "--reading", "4096", "x.wav"], "--reading 4096: expected a whole number from 0 to ");
}
