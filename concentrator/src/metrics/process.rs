//! What the system says of this process.

use std::fs;

/// What a process takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// Octets of memory that are resident.
    pub(super) resident: u64,
    /// Processor time so far, in milliseconds.
    pub(super) processor_ms: u64,
    /// Files, sockets and so on that are open.
    pub(super) descriptors: u64,
    /// Octets that were caused to be written to the disk.
    pub(super) written: u64,
}

impl Process {
    /// This one. What the system does not say is 0.
    pub(super) fn own() -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let ticks = rustix::param::clock_ticks_per_second().max(1);
        Self {
            resident: field(&read("status"), "VmRSS:") * 1024,
            processor_ms: processor_ticks(&read("stat")) * 1000 / ticks,
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64),
            written: field(&read("io"), "write_bytes:"),
        }
    }
}

/// The number behind a name of a file of names and numbers.
fn field(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// utime and stime (fields 14 and 15, proc(5)); the name of the program, in parentheses, may contain anything.
fn processor_ticks(stat: &str) -> u64 {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_system_are_read() {
        assert_eq!(field("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), 1234);
        assert_eq!(field("VmRSS: lots", "VmRSS:"), 0);
        assert_eq!(processor_ticks("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14"), 23);
        assert_eq!(processor_ticks("nonsense"), 0);
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let own = Process::own();
        assert!(own.resident > 1 << 20 && own.descriptors >= 3, "{own:?}");
    }
}
