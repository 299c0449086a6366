//! Ramps.

/// Value `n` of a rising raised-cosine ramp of `len` samples, from 0 up to just below 1. A falling ramp is its mirror.
pub fn raised_cosine(n: usize, len: usize) -> f32 {
    0.5 * (1.0 - libm::cosf(core::f32::consts::PI * n as f32 / len as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_of_eight_samples_is_the_published_one() {
        let published = [0.0, 0.0381, 0.1464, 0.3087, 0.5, 0.6913, 0.8536, 0.9619];
        for (n, value) in published.into_iter().enumerate() {
            assert!((raised_cosine(n, 8) - value).abs() < 1e-4, "sample {n}");
        }
    }
}
