//! A line that shows how far the measurement is.

use crate::stats::Tally;
use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr};

/// On a terminal a bar that is drawn over and over, elsewhere a line per curve.
pub(crate) struct Progress {
    form: Form,
    total: usize,
    done: Cell<usize>,
    name: Cell<&'static str>,
}

enum Form {
    Bar,
    Lines,
    #[cfg(test)]
    Silent,
}

const WIDTH: usize = 24;

impl Progress {
    /// For `total` curves.
    pub(crate) fn new(total: usize) -> Self {
        let form = if stderr().is_terminal() { Form::Bar } else { Form::Lines };
        Self { form, total, done: Cell::new(0), name: Cell::new("") }
    }

    /// Shows nothing.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { form: Form::Silent, total: 1, done: Cell::new(0), name: Cell::new("") }
    }

    /// A curve begins.
    pub(crate) fn begin(&self, name: &'static str) {
        self.name.set(name);
        match self.form {
            Form::Bar => self.draw("", ""),
            Form::Lines => eprintln!("{:3}/{} {name}", self.done.get() + 1, self.total),
            #[cfg(test)]
            Form::Silent => {}
        }
    }

    /// A point of it has got so far.
    pub(crate) fn point(&self, snr_db: f64, tally: &Tally) {
        if matches!(self.form, Form::Bar) {
            let lost = format!("{} of {} lost", tally.lost(), tally.frames);
            self.draw(&format!("{snr_db:6.2} dB, "), &lost);
        }
    }

    /// The curve is there.
    pub(crate) fn end(&self) {
        self.done.set(self.done.get() + 1);
        if matches!(self.form, Form::Bar) {
            self.draw("", "");
            if self.done.get() == self.total {
                eprintln!();
            }
        }
    }

    fn draw(&self, place: &str, state: &str) {
        let full = self.done.get() * WIDTH / self.total.max(1);
        let bar: String = (0..WIDTH).map(|n| if n < full { '#' } else { '-' }).collect();
        let (done, total, name) = (self.done.get(), self.total, self.name.get());
        let line = format!("[{bar}] {done}/{total} {name} {place}{state}");
        eprint!("\r{line:<78.78}");
        stderr().flush().ok();
    }
}
