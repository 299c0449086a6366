//! WAV files of one channel at the sample rate of a band.

use crate::Fault;
use g3_phy::BandPlan;
use hound::{Error, SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

/// Reads the samples of `path`, full scale being 1, and refuses what is no recording of `plan`.
pub(crate) fn read(path: &Path, plan: &BandPlan) -> Result<Vec<f32>, Fault> {
    let name = path.display();
    let reader = WavReader::open(path).map_err(|error| explain(path, error))?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    if channels != 1 {
        return Err(format!("{name} has {channels} channels: expected one (mono)"));
    }
    if sample_rate != plan.sample_rate_hz {
        let BandPlan { name: band, sample_rate_hz, .. } = plan;
        return Err(format!(
            "{name} has {sample_rate} samples per second: expected {sample_rate_hz} for {band}"
        ));
    }
    let wanted = reader.len() as usize;
    let samples = match (sample_format, bits_per_sample) {
        (SampleFormat::Int, 16) => integers(reader),
        (SampleFormat::Float, 32) => floats(reader),
        (format, bits) => {
            let format = if format == SampleFormat::Int { "integer" } else { "float" };
            return Err(format!(
                "{name} has {bits}-bit {format} samples: expected 16-bit integer or 32-bit float"
            ));
        }
    };
    if samples.len() < wanted {
        return Err(format!(
            "{name} is cut off: its header promises {wanted} samples, {} are there",
            samples.len()
        ));
    }
    if samples.is_empty() {
        return Err(format!("{name} has no samples"));
    }
    Ok(samples)
}

/// Writes `samples` as 16-bit integers, or as they are.
pub(crate) fn write(path: &Path, plan: &BandPlan, samples: &[f32], float: bool) -> Result<(), Fault> {
    let (bits_per_sample, sample_format) =
        if float { (32, SampleFormat::Float) } else { (16, SampleFormat::Int) };
    let spec = WavSpec { channels: 1, sample_rate: plan.sample_rate_hz, bits_per_sample, sample_format };
    let put = || {
        let mut writer = WavWriter::create(path, spec)?;
        for &sample in samples {
            if float {
                writer.write_sample(sample)?;
            } else {
                writer.write_sample((sample * FULL_SCALE).round() as i16)?;
            }
        }
        writer.finalize()
    };
    put().map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn integers(reader: WavReader<BufReader<File>>) -> Vec<f32> {
    reader.into_samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / FULL_SCALE).collect()
}

fn floats(reader: WavReader<BufReader<File>>) -> Vec<f32> {
    reader.into_samples::<f32>().map_while(Result::ok).collect()
}

fn explain(path: &Path, error: Error) -> Fault {
    let name = path.display();
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::NotFound => {
            format!("{name} does not exist")
        }
        Error::IoError(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::Other) => {
            // That is how the reader says that octets are missing.
            format!("{name} ends within its header: expected a WAV file")
        }
        Error::IoError(error) => format!("cannot read {name}: {error}"),
        Error::FormatError(reason) => format!("{name} is no WAV file ({reason}): expected RIFF/WAVE, mono"),
        error => format!(
            "{name} is a WAV file of a kind that is not understood ({error}): expected mono, 16-bit integer or 32-bit float"
        ),
    }
}

/// The 16-bit integer that stands for 1.
const FULL_SCALE: f32 = 32_767.0;
