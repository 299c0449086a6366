//! Counts the instructions that the metrology needs on a Cortex-M4, from its machine code.
//!
//! ```text
//! cargo rustc --release --target thumbv7em-none-eabihf -p metrology --lib -- -C codegen-units=1
//! llvm-objdump -d --no-show-raw-insn -r -C target/thumbv7em-none-eabihf/release/libmetrology.rlib \
//!     | cargo run --release -p metrology --example cortex_m4
//! ```
//!
//! Of each function that runs often, the longest way through its code is taken, so that the count is an upper bound, and each of its loops
//! as often as the table below says. Functions that run at the end of a window or of a half cycle call wide divisions of the compiler's
//! library, for which a rough allowance is made.

use std::collections::BTreeMap;
use std::io::Read;

/// A function by a part of its name, how often it runs in a second, the iterations of its loops from the first in the code, and library
/// calls in it that divide or take roots of wide numbers.
struct Work {
    name: &'static str,
    per_second: f64,
    loops: &'static [f64],
    library: f64,
}

/// Allowance for a division of 64 bits by the library, in instructions.
const LIBRARY: f64 = 200.0;

const fn work(name: &'static str, per_second: f64, loops: &'static [f64], library: f64) -> Work {
    Work { name, per_second, loops, library }
}

/// Three elements at 8000 samples a second, and five windows of three elements. The compiler unrolls the loop of the first stage by two.
const METERING: [Work; 3] = [
    work("core::MeterCore::step", 8_000.0, &[], 0.0),
    work("calibration::Conditioner::filter", 24_000.0, &[], 0.0),
    work("core::MeterCore::end_window", 5.0, &[], 400.0),
];
const QUALITY: [Work; 16] = [
    work("quality::QualityCore::process_frames", 8_000.0, &[], 0.0),
    work("quality::QualityCore::on_value", 800.0, &[], 0.0),
    work("quality::flicker::Flicker::on_value", 2_400.0, &[], 0.0),
    work("quality::flicker::Flicker::renew", 38.0, &[128.0, 128.0], 4.0),
    work("quality::flicker::Classes::count", 300.0, &[], 0.0),
    work("quality::half_cycle::HalfCycle::end", 300.0, &[], 10.0),
    work("quality::QualityCore::on_half_cycle", 300.0, &[100.0], 2.0),
    work("quality::QualityCore::on_window", 5.0, &[], 60.0),
    // Until the last element is done, 192 samples after the end of a window.
    work("quality::QualityCore::analyse", 5.0 * 192.0, &[], 0.0),
    work("quality::fft::Transform::run", 15.0, &[1024.0], 0.0),
    work("quality::fft::Transform::first_stage", 15.0, &[128.0], 0.0),
    work("quality::fft::Transform::stage", 15.0 * 4.0, &[21.0, 256.0], 0.0),
    // Every line from the 5th to the 405th once.
    work("quality::harmonics::Lines::squares", 15.0 * 401.0, &[], 0.0),
    // Two wide divisions bit by bit, then 40 orders of nine lines, and of two channels with three roots each.
    work("quality::harmonics::Spectrum::pair", 15.0, &[64.0, 64.0, 40.0, 360.0], 244.0),
    work("quality::harmonics::Lines::budeanu", 15.0, &[40.0], 0.0),
    // The distortion: 40 squares, a root and divisions bit by bit.
    work("quality::QualityCore::on_element", 15.0, &[40.0, 64.0, 64.0, 64.0], 65.0),
];

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("the disassembly on the standard input");
    let functions = parse(&text);
    let sum = |title: &str, works: &[Work]| -> f64 {
        println!("{title}");
        works.iter().map(|work| report(work, &functions)).sum()
    };
    let (metering, quality) = (sum("metering", &METERING), sum("power quality", &QUALITY));
    let percent = |per_second: f64| per_second / 100e6 * 100.0;
    println!(
        "metering:        {:>6.2} M instructions/s, {:>5.1} % of 100 MHz",
        metering / 1e6,
        percent(metering)
    );
    println!("power quality:   {:>6.2} M instructions/s, {:>5.1} %", quality / 1e6, percent(quality));
    let both = metering + quality;
    println!("both:            {:>6.2} M instructions/s, {:>5.1} %", both / 1e6, percent(both));
}

fn report(work: &Work, functions: &BTreeMap<String, Vec<Instruction>>) -> f64 {
    let found = functions.iter().filter(|(name, _)| name.contains(work.name) && !name.contains("closure"));
    let Some((_, code)) = found.max_by_key(|(_, code)| code.len()) else {
        println!("  {:<44} not found: inlined", work.name);
        return 0.0;
    };
    let ways = Ways::new(code);
    let loops: f64 = ways.loops.values().zip(work.loops).map(|(body, times)| *body as f64 * times).sum();
    let each = ways.longest as f64 + loops + work.library * LIBRARY;
    let bodies: Vec<_> = ways.loops.values().collect();
    let total = each * work.per_second;
    println!(
        "  {:<44} {:>6} + loops {bodies:?} = {each:.0}, {:.2} M/s",
        work.name,
        ways.longest,
        total / 1e6
    );
    total
}

/// An instruction: where it is, and where it leads.
#[derive(Debug)]
struct Instruction {
    at: u32,
    target: Option<u32>,
    falls_through: bool,
}

fn parse(text: &str) -> BTreeMap<String, Vec<Instruction>> {
    let (mut functions, mut name) = (BTreeMap::<String, Vec<Instruction>>::new(), String::new());
    for line in text.lines() {
        if let Some((_, rest)) = line.split_once('<').filter(|_| line.ends_with(">:")) {
            name = rest.trim_end_matches(">:").to_string();
        } else if line.contains("R_ARM") {
            // The branch before this leaves the function: a call, or a call at its end.
            if let Some(last) = functions.get_mut(&name).and_then(|code| code.last_mut()) {
                last.target = None;
            }
        } else if let Some((at, code)) = line.split_once(':') {
            let Ok(at) = u32::from_str_radix(at.trim(), 16) else { continue };
            let mut words = code.split_whitespace();
            let Some(mnemonic) = words.next() else { continue };
            functions.entry(name.clone()).or_default().push(instruction(at, mnemonic, words.collect()));
        }
    }
    functions
}

fn instruction(at: u32, mnemonic: &str, operands: Vec<&str>) -> Instruction {
    const CONDITIONS: [&str; 16] =
        ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "cs", "cc"];
    let plain = mnemonic.trim_end_matches(".w").trim_end_matches(".n");
    let conditional = matches!(plain, "cbz" | "cbnz")
        || plain.strip_prefix('b').is_some_and(|rest| CONDITIONS.contains(&rest));
    let target = operands.iter().find_map(|operand| operand.strip_prefix("0x"));
    let target = target.and_then(|hex| u32::from_str_radix(hex.trim_end_matches(','), 16).ok());
    let returns =
        plain == "bx" || (plain == "pop" || plain == "ldm") && operands.iter().any(|o| o.contains("pc"));
    Instruction {
        at,
        target: target.filter(|_| conditional || plain == "b"),
        falls_through: !returns && plain != "b",
    }
}

/// Longest ways through a function.
struct Ways {
    longest: usize,
    /// Longest body of each loop, by where it begins.
    loops: BTreeMap<u32, usize>,
}

impl Ways {
    fn new(code: &[Instruction]) -> Self {
        let index: BTreeMap<u32, usize> = code.iter().enumerate().map(|(n, one)| (one.at, n)).collect();
        let next = |n: usize| {
            let through = code[n].falls_through.then_some(n + 1).filter(|&next| next < code.len());
            let target = code[n].target.and_then(|at| index.get(&at).copied());
            [through, target].into_iter().flatten()
        };
        // Depth first: what leads to an instruction that is under way closes a loop.
        let (mut state, mut order, mut closing) = (vec![0u8; code.len()], Vec::new(), Vec::new());
        let mut stack = vec![(0, false)];
        while let Some((n, done)) = stack.pop() {
            if done {
                state[n] = 2;
                order.push(n);
                continue;
            }
            if state[n] != 0 {
                continue;
            }
            state[n] = 1;
            stack.push((n, true));
            for to in next(n) {
                match state[to] {
                    0 => stack.push((to, false)),
                    1 => closing.push((n, to)),
                    _ => {}
                }
            }
        }
        let is_back = |from: usize, to: usize| closing.contains(&(from, to));
        let longest_from = |start: usize, end: Option<usize>| {
            let mut length = vec![None::<usize>; code.len()];
            for &n in &order {
                let rest = next(n).filter(|&to| !is_back(n, to)).filter_map(|to| length[to]).max();
                length[n] = if end == Some(n) {
                    Some(1)
                } else if end.is_none() {
                    Some(1 + rest.unwrap_or(0))
                } else {
                    rest.map(|rest| rest + 1)
                };
            }
            length[start].unwrap_or(0)
        };
        let mut loops = BTreeMap::new();
        for &(from, to) in &closing {
            let body = longest_from(to, Some(from));
            let longest: &mut usize = loops.entry(code[to].at).or_default();
            *longest = body.max(*longest);
        }
        Self { longest: longest_from(0, None), loops }
    }
}
