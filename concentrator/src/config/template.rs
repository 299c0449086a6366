//! The file with every key explained.

use super::Config;

/// A meter, as comments.
const METER_EXAMPLE: &str = r#"# The meters that may join. Keys are 32 hexadecimal digits, or "file:path" of a file that holds them.
#[[meter]]
# Name for people, 1 to 64 characters, different for each meter.
#id = "flat-1"
# Extended address, 16 hexadecimal digits, as printed on the meter.
#eui64 = "0011223344556677"
# Key with which it joins the network (EAP-PSK).
#psk = "file:keys/flat-1.psk"
# DLMS global unicast encryption key.
#encryption_key = "file:keys/flat-1.ek"
# DLMS authentication key.
#authentication_key = "file:keys/flat-1.ak"
# DLMS master key, under which new keys are transferred. Without it the meter is given none.
#master_key = "file:keys/flat-1.mk"
# Whether it only pushes: it is never asked, and its keys are those of its pushes. What it does not push within a day is lost.
#one_way = false
# DLMS system title, 16 hexadecimal digits. Without it: the octets of eui64.
#system_title = "4d4d4d0000000001"
"#;

/// Who may use the interface, as comments.
const ACCESS: &str = r#"# PEM file with the authority of the clients' certificates. The organizational unit of a client's certificate is its role:
# viewer, operator or administrator. `concentrator pki init` makes all files for tests.
#authority = "pki/ca.pem"
# PEM file with the certificate of this box, for its names.
#certificate = "pki/box-1.pem"
# PEM file with the private key of this box.
#key = "pki/box-1.key"
# Whether, instead of certificates, everybody on this machine may do everything in plain text: only on a loopback address.
#plain_text = false
"#;

/// A task, as comments.
const TASK_EXAMPLE: &str = r#"# What is read besides the load profile, at most 32 tasks. `concentrator tasks` lists them and adds others.
#[[task]]
# Name, different for each task: 1 to 64 letters, digits, hyphens and underscores.
#name = "voltages"
# What: "instant", registers as they are now; "daily" or "monthly", the billing values that are new; "events", what is new in the logs;
# "clock", compared with this machine, and set as set_clocks says.
#read = "instant"
# Logical names of the registers, profiles or logs, at most 64. Without it those that are usual.
#objects = ["1-0:32.7.0.255", "1-0:31.7.0.255"]
# Ids or addresses of the meters. Without it all.
#meters = ["flat-1"]
# Seconds between two runs, 60 to 2678400. A run begins at each multiple of it in UTC, and offset_s later.
#every_s = 3600
#offset_s = 0
# Seconds within which its meters begin; who is first differs from run to run.
#spread_s = 60
# Seconds after its beginning at which a run is over, whatever is missing, 60 to every_s. Without it every_s.
#deadline_s = 3600
# 0 to 255, the smallest goes first. The load profile has 100.
#priority = 120
# How often a meter is tried in a run, 1 to 20, and seconds until it is tried again after the first failure, doubling.
#attempts = 3
#back_off_s = 30

"#;

/// The way to the head-end, as comments.
const BACKHAUL: &str = r#"[backhaul]
# Where the head-end listens; without it nothing is delivered, and readings are there to be asked for.
#head_end = "https://head-end.example:50052"
# Name of this box, as in its certificate: letters, digits, hyphens.
#box_id = "box-1"
# PEM file with the certificates of the authority; `concentrator pki init` makes all three files for tests.
#authority = "pki/ca.pem"
# PEM file with the certificate of this box.
#certificate = "pki/box-1.pem"
# PEM file with the private key of this box.
#key = "pki/box-1.key"
# Whether http to this machine is allowed, for tests.
#plain_text = false
# In which order a backlog is delivered: "oldest-first", or "newest-first": what is new at once, the rest backwards.
#order = "oldest-first"
# Octets per second at most, 1000 to 1000000000; without it as fast as the link is.
#max_octets_per_s = 10000
"#;

impl Config {
    /// The file that gives this configuration, without the meters, every key explained.
    pub fn to_toml(&self) -> String {
        let Self { store_path, listen, limits, plc, .. } = self;
        format!(
            r#"# Configuration of the concentrator. Every key is optional; the values here are used without it.
# An unknown key is an error.

# More meters, from a file of [[meter]] tables. Paths are relative to this file's folder.
#meters_file = "meters.toml"

[store]
# The database: readings, events, counters and keys of the network. Made when it is not there.
path = {path:?}
# Megabytes of the file at most, 8 to 1000000. At nine tenths old events are removed, then readings that the head-end has; one that it
# has not is never removed: readings are refused instead, and read again from the meters later.
max_mb = {max_mb}
# Days for which readings that the head-end has are kept after their capture. Without a head-end all are removed at that age.
keep_days = {keep_days}

[grpc]
# Where the gRPC interface is served.
listen = "{listen}"
{ACCESS}
{BACKHAUL}
[plc]
# The analogue front end, hardware or emulated: "unix:/absolute/path" or "tcp:host:port".
front_end = {front_end:?}
# Extended address of the concentrator's own node, 16 hexadecimal digits, different from that of every other node.
# The value here is a locally administered one: fine as long as no second concentrator is in reach.
eui64 = "{eui64}"
# The frequencies: "cenelec-a".
band = "{band}"
# Identifier of the network to form, different from that of every network in reach.
# A number up to 0xfcff with the bits 0x0300 clear.
pan_id = {pan_id:#06x}

{reading}{watch}
{jobs}
{TASK_EXAMPLE}{METER_EXAMPLE}"#,
            reading = self.reading(),
            watch = self.watch(),
            jobs = super::guard::text(&self.guard),
            path = store_path.display().to_string(),
            max_mb = limits.octets >> 20,
            keep_days = limits.keep.as_secs() / 86_400,
            front_end = plc.front_end,
            eui64 = plc.eui64,
            band = plc.band.as_str(),
            pan_id = plc.pan_id.0,
        )
    }

    /// How meters are read.
    fn reading(&self) -> String {
        let collector = &self.collector;
        format!(
            r#"[collector]
# Period in seconds at which the meters capture their load profile. It divides a day.
capture_period_s = {capture_period}
# Seconds after a capture until it is read, so that clocks may differ and the line is not asked all at once.
read_delay_s = {read_delay}
# How often an unanswered request is sent again, 0 to 20.
retries = {retries}
# Meters that are read at the same time, 1 to 64.
parallel_sessions = {parallel_sessions}
# Whether meters whose clock deviates by more than five seconds are set to the time of this machine, which must be right then.
set_clocks = {set_clocks}
{trusted}
"#,
            capture_period = collector.capture_period.as_secs(),
            read_delay = collector.read_delay.as_secs(),
            retries = collector.retries,
            parallel_sessions = collector.parallel_sessions,
            set_clocks = collector.set_clocks,
            trusted = self.trusted_clock(),
        )
    }

    /// How far clocks are set, and when the own one is right.
    fn trusted_clock(&self) -> String {
        let file = match &self.collector.clock_trusted_file {
            Some(file) => format!("clock_trusted_file = {:?}", file.display().to_string()),
            None => String::from("#clock_trusted_file = \"/run/systemd/timesync/synchronized\""),
        };
        format!(
            r#"# A clock that deviates by more seconds than this, 1 to 2678400, is set by an order alone: `concentrator jobs submit set-clock`.
set_clocks_within_s = {set_clocks_within}
# A file that is there while the clock of this machine is synchronised; without the file no clock is set. systemd-timesyncd has
# "/run/systemd/timesync/synchronized". When none is named the clock counts as right, unless it jumps.
{file}
"#,
            set_clocks_within = self.collector.set_clocks_within.as_secs(),
        )
    }

    /// What those who watch the box are told.
    fn watch(&self) -> String {
        format!(
            r#"[metrics]
# Where metrics are served for Prometheus, at /metrics; without it nowhere. They name no meter and no key, and need no password.
#listen = "127.0.0.1:9469"

[log]
# What is logged: error, warn, info, debug, trace, also per module.
level = {log:?}
# How: "text" or "json", a line for each message on standard error, or "journald", to the journal of the system.
format = {log_format:?}
"#,
            log = self.log,
            log_format = self.log_format.as_str(),
        )
    }
}
