//! Contenders that take turns on one clock.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One turn lasts about this long.
const TURN: Duration = Duration::from_micros(200);

/// Something to be timed, under its name.
pub struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    #[allow(clippy::disallowed_methods, reason = "a benchmark is a driver: it reads the clock")]
    fn time(&mut self, runs: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..runs {
            black_box(&mut self.run)();
        }
        start.elapsed()
    }

    /// Runs that fill a turn.
    fn runs(&mut self) -> u32 {
        let mut runs = 1;
        while self.time(runs) < TURN {
            runs *= 2;
        }
        runs
    }
}

/// Prints the median time of each contender and how many times as long as the first it takes. `bits` are those of one
/// run; zero prints no rate.
pub fn race(title: &str, mut contenders: Vec<Contender<'_>>, turns: usize, bits: usize) {
    let runs: Vec<u32> = contenders.iter_mut().map(Contender::runs).collect();
    let mut times = vec![Vec::new(); contenders.len()];
    for _ in 0..turns {
        for ((contender, &runs), times) in contenders.iter_mut().zip(&runs).zip(&mut times) {
            times.push(contender.time(runs).as_nanos() as f64 / f64::from(runs));
        }
    }
    println!("{title}");
    let medians: Vec<f64> = times.into_iter().map(median).collect();
    for (contender, &time) in contenders.iter().zip(&medians) {
        let rate = if bits > 0 { format!("{:9.1} Mbit/s", bits as f64 * 1e3 / time) } else { String::new() };
        println!("  {:<14}{time:10.1} ns{rate}   {:6.2} x ours", contender.name, time / medians[0]);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
