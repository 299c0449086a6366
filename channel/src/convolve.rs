//! The inner loop of the line.

/// Outputs computed together: their sums stay in registers.
const CHUNK: usize = 32;

/// Adds to each `out[n]` the sum over k of `taps[k] * input[n + taps.len() - 1 - k]`: the convolution whose
/// newest input stands at the end. The order of the additions depends on nothing but the taps.
///
/// # Panics
/// Unless `input.len() == out.len() + taps.len() - 1`: a mistake in the program.
pub fn add_convolution(taps: &[f32], input: &[f32], out: &mut [f32]) {
    assert_eq!(input.len() + 1, out.len() + taps.len(), "the input covers the outputs and the memory");
    let mut chunks = out.chunks_exact_mut(CHUNK);
    let mut start = 0;
    for chunk in &mut chunks {
        let mut sums = [0f32; CHUNK];
        accumulate(taps, &input[start..start + CHUNK + taps.len() - 1], &mut sums);
        chunk.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
        start += CHUNK;
    }
    for (n, out) in chunks.into_remainder().iter_mut().enumerate() {
        let mut sums = [0f32; 1];
        accumulate(taps, &input[start + n..start + n + taps.len()], &mut sums);
        *out += sums[0];
    }
}

/// `N` neighbouring outputs, tap by tap.
#[inline(always)]
fn accumulate<const N: usize>(taps: &[f32], input: &[f32], sums: &mut [f32; N]) {
    for (tap, window) in taps.iter().rev().zip(input.windows(N)) {
        for (sum, value) in sums.iter_mut().zip(window) {
            *sum += tap * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fast_convolution_equals_the_definition(
            taps in prop::collection::vec(-1f32..1.0, 1..80),
            signal in prop::collection::vec(-1f32..1.0, 0..150),
        ) {
            let mut input = vec![0.25; taps.len() - 1];
            input.extend(&signal);
            let mut fast = vec![1.0; signal.len()];
            add_convolution(&taps, &input, &mut fast);
            for (n, value) in fast.iter().enumerate() {
                let last = n + taps.len() - 1;
                let slow: f64 = taps.iter().enumerate().map(|(k, tap)| f64::from(*tap) * f64::from(input[last - k])).sum();
                prop_assert!((f64::from(*value) - 1.0 - slow).abs() < 1e-4);
            }
        }
    }
}
