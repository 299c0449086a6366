//! The report for a terminal.

use super::Report;
use super::figures::quantile;
use crate::grid::Extreme;
use collector::Supply;
use std::fmt::Write;

impl Report {
    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        self.write_head(to)?;
        self.write_joins(to)?;
        self.write_line(to)?;
        self.write_mains(to)?;
        self.write_reading(to)?;
        self.write_violations(to)
    }

    fn write_head(&self, to: &mut String) -> std::fmt::Result {
        writeln!(to, "{}, seed {}", self.name, self.seed)?;
        if !self.about.is_empty() {
            writeln!(to, "{}", self.about)?;
        }
        writeln!(
            to,
            "{} meters on {} feeder{}, {}, {:.2} h from {}",
            self.meters.len(),
            self.feeders,
            if self.feeders == 1 { "" } else { "s" },
            self.band,
            self.duration.as_secs_f64() / 3600.0,
            self.start
        )
    }

    fn write_joins(&self, to: &mut String) -> std::fmt::Result {
        let times = self.join_times_s();
        writeln!(to, "\njoined            {} of {}", self.joined(), self.meters.len())?;
        if let (Some(half), Some(most), Some(all)) =
            (quantile(&times, 0.5), quantile(&times, 0.9), times.last())
        {
            writeln!(to, "join time         median {half:.1} s, 90 % {most:.1} s, last {all:.1} s")?;
        }
        let hops: Vec<_> = self.hop_histogram().iter().map(|(hops, n)| format!("{hops}: {n}")).collect();
        writeln!(to, "meters by hops    {}", or_none(&hops.join(", ")))?;
        writeln!(
            to,
            "network           {} hop changes, {} left, {} refused",
            self.record.hop_changes,
            self.record.leaves.len(),
            self.record.refused
        )
    }

    fn write_line(&self, to: &mut String) -> std::fmt::Result {
        let (air, nodes) = (&self.air, &self.nodes);
        let share = |part: f64| 100.0 * part / self.duration.as_secs_f64();
        writeln!(to, "\nframes            {} and {} acknowledgements", air.frames, air.acks)?;
        writeln!(to, "line busy         {:.2} %", share(air.busy.as_secs_f64()))?;
        for (kind, frames, time) in air.kinds.iter().filter(|(_, frames, _)| *frames > 0) {
            writeln!(to, "  {:<18}{frames}, {:.2} %", kind.name(), share(time.as_secs_f64()))?;
        }
        writeln!(
            to,
            "retries           {} ({:.2} % of frames), {} without acknowledgement, {} gave up on a busy line",
            nodes.retries,
            100.0 * nodes.retries as f64 / nodes.frames.max(1) as f64,
            nodes.no_ack,
            nodes.channel_failures
        )?;
        writeln!(
            to,
            "lost              {} headers, {} payloads; {} of both to another frame, {} frames collided",
            air.headers_lost, air.payloads_lost, air.collisions, air.collided
        )?;
        writeln!(to, "forwarded         {}", nodes.forwarded)?;
        writeln!(
            to,
            "refused frames    {} replayed, {} for their protection",
            nodes.replayed, nodes.security
        )?;
        writeln!(to, "sent by rogues    {}", self.record.rogue_frames)?;
        let longest = self.record.longest_loop.as_secs();
        writeln!(to, "loops of routes   {}; the longest was seen for {longest} s", self.record.loops)
    }

    /// The voltages of all meters with supply in all minutes.
    fn write_mains(&self, to: &mut String) -> std::fmt::Result {
        let mains = &self.mains;
        let told = |extreme: &Option<Extreme>, digits: usize, unit: &str| match extreme {
            None => String::from("none"),
            Some(Extreme { value, meter, at }) => {
                let id = self.meters.get(*meter).map_or("", |meter| meter.id.as_str());
                format!("{value:.digits$} {unit} ({id}, {at})")
            }
        };
        writeln!(to, "\nlowest voltage    {}", told(&mains.lowest, 2, "V"))?;
        writeln!(to, "highest voltage   {}", told(&mains.highest, 2, "V"))?;
        if let [Some(low), Some(half), Some(high)] = [0.05, 0.5, 0.95].map(|share| mains.quantile(share)) {
            writeln!(
                to,
                "voltages          5 % below {low:.1} V, median {half:.1} V, 95 % below {high:.1} V"
            )?;
        }
        writeln!(to, "unbalance         {} at most", told(&mains.unbalance, 2, "%"))?;
        writeln!(to, "distortion        {} at most", told(&mains.distortion, 2, "%"))?;
        writeln!(
            to,
            "cables            {:.2} kWh of {:.2} ({:.2} %); {} minutes of {} could not be carried",
            mains.lost_kwh,
            mains.supplied_kwh,
            mains.lost_percent(),
            mains.unsolved,
            mains.minutes
        )
    }

    fn write_reading(&self, to: &mut String) -> std::fmt::Result {
        let (due, held) = self.captures;
        match due {
            0 => writeln!(to, "\ncaptures held     none was due")?,
            _ => writeln!(to, "\ncaptures held     {held} of {due} ({:.3} %)", 100.0 * self.success())?,
        }
        let said = |what| self.record.supplies.iter().filter(|(_, supply, _)| *supply == what).count();
        let (lost, back) = (said(Supply::Lost), said(Supply::Back));
        let losses = self.record.losses;
        if losses > 0 {
            writeln!(
                to,
                "supply            lost {losses} times; {lost} last gasps heard, {back} said it was back"
            )?;
        }
        let (good, bad) = self.record.sessions;
        writeln!(to, "sessions          {good} ended well, {bad} failed")?;
        for (reason, count) in &self.record.failures {
            writeln!(to, "                  {count}: {reason}")?;
        }
        let cycles = self.cycles_s();
        if let (Some(half), Some(all)) = (quantile(&cycles, 0.5), cycles.last()) {
            writeln!(to, "cycle time        median {half:.1} s, longest {all:.1} s")?;
        }
        if self.first_reading_s.len() > 1 {
            let lives: Vec<_> = self
                .first_reading_s
                .iter()
                .map(|s| s.map_or("none".into(), |s| format!("{s:.1} s")))
                .collect();
            writeln!(to, "start to reading  {}", lives.join(", "))?;
        }
        writeln!(
            to,
            "wrong clocks      {} found, {} set; captures given up {}",
            self.record.clock_deviations, self.record.clocks_set, self.record.captures_lost
        )?;
        self.write_worst_clock(to)?;
        self.write_periods(to)
    }

    /// The clock that was most wrong, of those that had power.
    fn write_worst_clock(&self, to: &mut String) -> std::fmt::Result {
        let Some((meter, ahead_ms, at)) = self.record.worst_clock else { return Ok(()) };
        let id = self.meters.get(meter).map_or("", |meter| meter.id.as_str());
        let (seconds, which) =
            (ahead_ms.unsigned_abs() as f64 / 1e3, if ahead_ms < 0 { "behind" } else { "ahead" });
        let at = self.start + at.since(plc_core::Instant::EPOCH);
        writeln!(to, "worst clock       {seconds:.3} s {which} ({id}, {at})")
    }

    /// Reading after each boundary, and what the line has seen until the next.
    fn write_periods(&self, to: &mut String) -> std::fmt::Result {
        writeln!(
            to,
            "\n{:<20}  {:>9}  {:>10}  {:>9}  {:>7}  {:>15}  {:>9}  {:>7}  {:>20}",
            "boundary",
            "read",
            "half after",
            "all after",
            "frames",
            "retries",
            "on air",
            "busy",
            "collisions (frames)"
        )?;
        for period in &self.periods {
            let (half, all) = period.seconds.map_or(("-".into(), "-".into()), |(half, all)| {
                (format!("{half:.1} s"), format!("{all:.1} s"))
            });
            let ((read, of), line) = (period.read, &period.line);
            writeln!(
                to,
                "{}  {:>9}  {half:>10}  {all:>9}  {:>7}  {:>15}  {:>9}  {:>7}  {:>20}",
                period.capture,
                format!("{read}/{of}"),
                line.frames,
                format!("{} ({:.2} %)", line.retries, period.retries_percent()),
                format!("{:.1} s", line.airtime.as_secs_f64()),
                format!("{:.2} %", self.busy_percent(period)),
                format!("{} ({})", line.collisions, line.collided)
            )?;
        }
        Ok(())
    }

    fn write_violations(&self, to: &mut String) -> std::fmt::Result {
        writeln!(to, "\ninvariants        {} violated", self.record.violation_count)?;
        self.record.violations.iter().try_for_each(|text| writeln!(to, "                  {text}"))
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}
