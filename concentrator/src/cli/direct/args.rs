//! The words of `concentrator dlms`.

use crate::cli::args::{host, logical_name, utc};
use crate::hex;
use clap::{Args, Subcommand, ValueEnum};
use dlms::classes::Companion;
use dlms::cosem::LogicalName;
use dlms::security::SystemTitle;
use plc_core::Utc;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `concentrator dlms`: what to do.
#[derive(Clone, Debug, Subcommand)]
pub enum DirectCommand {
    /// Read an attribute of an object.
    Get(GetArgs),
    /// Write an attribute of an object.
    Set(SetArgs),
    /// Invoke a method of an object.
    Action(ActionArgs),
    /// List the objects of the association.
    Objects(MeterArgs),
    /// Read a profile.
    Profile(ProfileArgs),
    /// What meters say unasked.
    #[command(subcommand)]
    Push(PushCommand),
}

/// Where a meter is, and how to speak with it.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("port").required(true))]
pub struct MeterArgs {
    /// The meter, with the wrapper; 4059 is the port of DLMS.
    #[arg(long, value_name = "ADDRESS", group = "port", value_parser = host)]
    pub wrapper: Option<SocketAddr>,
    /// The meter, with the wrapper in datagrams.
    #[arg(long, value_name = "ADDRESS", group = "port", value_parser = host)]
    pub udp: Option<SocketAddr>,
    /// The meter, or a gateway to its line, with HDLC.
    #[arg(long, value_name = "ADDRESS", group = "port", value_parser = host)]
    pub hdlc: Option<SocketAddr>,
    /// The meter, with HDLC on a serial line.
    #[arg(long, value_name = "DEVICE", group = "port")]
    pub serial: Option<PathBuf>,
    /// Bits per second of the serial line; with --mode-e, the most that is agreed.
    #[arg(long, value_name = "N", default_value_t = 9600)]
    pub baud: u32,
    /// Open the line as IEC 62056-21 mode E does, for the meter of this address or whichever is there.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["wrapper", "udp"])]
    pub mode_e: Option<String>,
    /// The physical device in an HDLC address of two octets, or of four from 128 on; without it the address has one.
    #[arg(long, value_name = "N", conflicts_with_all = ["wrapper", "udp"], value_parser = clap::value_parser!(u16).range(1..=16383))]
    pub physical: Option<u16>,
    /// Octets of the HDLC address: 1, 2 or 4. [default: as few as --physical needs]
    #[arg(long, value_name = "N", conflicts_with_all = ["wrapper", "udp"], value_parser = address_length)]
    pub address_length: Option<u8>,
    /// The logical device.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub server: u16,
    /// The family of the meter: idis, dsmr, india, linky or spain. It fills what is not said: the client, where the meter shows its
    /// counter, the names of objects.
    #[arg(long, value_name = "FAMILY", value_parser = companion)]
    pub companion: Option<&'static Companion>,
    /// The client. [default: 16, public; with --keys 1, management]
    #[arg(long, value_name = "N")]
    pub client: Option<u16>,
    /// The system title that the meter has to have, in 16 hexadecimal digits; the same as system_title in the file of --keys. Without
    /// either, --state remembers the first that proves itself.
    #[arg(long, value_name = "TITLE", value_parser = system_title)]
    pub meter_title: Option<SystemTitle>,
    /// Ask without opening an association: there is one for this client. Client 102 without --keys and --password does so by itself.
    #[arg(long, conflicts_with = "password")]
    pub pre_established: bool,
    /// The longest APDU that is taken; longer answers come in blocks.
    #[arg(long, value_name = "OCTETS", default_value_t = 4096, value_parser = clap::value_parser!(u16).range(64..))]
    pub max_pdu: u16,
    /// Seconds that an answer may take, retries of a link below included. An unanswered request is repeated once.
    #[arg(long, value_name = "S", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub timeout: u16,
    /// Seconds that an answer in blocks, or the way to an open association, may take in all, whatever the meter sends
    /// meanwhile. Without it ten times --timeout.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub limit: Option<u32>,
    /// Who the client is.
    #[command(flatten)]
    pub security: SecurityArgs,
    /// Show each APDU on standard error, deciphered and taken apart.
    #[arg(long)]
    pub trace: bool,
    /// How results are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

impl MeterArgs {
    /// Seconds that a request may take in all.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(u32::from(self.timeout) * 10)
    }

    /// How results are printed.
    pub const fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    /// Octets of the HDLC address.
    pub fn address_length(&self) -> u8 {
        let needed = match self.physical {
            None => 1,
            Some(physical) if physical <= TWO_OCTETS_MAX => 2,
            Some(_) => 4,
        };
        self.address_length.unwrap_or(needed)
    }
}

/// The highest physical device that an HDLC address of two octets names.
const TWO_OCTETS_MAX: u16 = 0x7F;

fn address_length(text: &str) -> Result<u8, String> {
    let length = text.parse().ok().filter(|length| [1, 2, 4].contains(length));
    length.ok_or_else(|| String::from("expected 1, 2 or 4"))
}

fn system_title(text: &str) -> Result<SystemTitle, String> {
    hex::array(text).ok_or_else(|| String::from("expected 16 hexadecimal digits"))
}

/// How a client proves itself, and what it keeps.
#[derive(Clone, Debug, Args)]
pub struct SecurityArgs {
    /// The keys, in TOML as `plcsim meter` prints them: a `[[client]]` table for each client, or encryption_key and authentication_key
    /// alone for a management client of suite 0.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Prove the client with this password at low level; or, with --auth, at high level.
    #[arg(long, value_name = "TEXT", conflicts_with = "keys")]
    pub password: Option<String>,
    /// The mechanism that --password serves.
    #[arg(long, value_name = "MECHANISM", value_enum, requires = "password", default_value_t = Auth::Lls)]
    pub auth: Auth,
    /// Keep the invocation counters of this client with this meter there; needed with keys for ciphering. The file knows the client, the
    /// meter and a fingerprint of the key, and is refused to others. A counter that is used twice betrays the keys: never copy or
    /// restore this file.
    #[arg(long, value_name = "FILE", requires = "keys")]
    pub state: Option<PathBuf>,
    /// The next invocation counter, where there is no --state yet and the meter does not tell it, or where a meter refuses what
    /// --state says. It is never one that was used: a lower one than --state says is refused, and a higher one gives up those between.
    #[arg(long, value_name = "N", requires = "state")]
    pub counter: Option<u32>,
    /// In what envelope requests are ciphered.
    #[arg(long, value_name = "FORM", value_enum, requires = "keys", default_value_t = Form::Glo)]
    pub ciphering: Form,
    /// Put general-signing around requests, and take only answers that are signed; for suites 1 and 2, with the signing keys of the file.
    #[arg(long, requires = "keys")]
    pub sign: bool,
}

/// A mechanism that a password serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Low level: the password itself is sent.
    Lls,
    /// High level with MD5.
    HlsMd5,
    /// High level with SHA-1.
    HlsSha1,
    /// High level with SHA-256.
    HlsSha256,
}

/// In what envelope requests are ciphered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// glo-get-request and its kin.
    Glo,
    /// general-glo-ciphering.
    GeneralGlo,
    /// ded-get-request and its kin, under a key of this association.
    Ded,
    /// general-ded-ciphering.
    GeneralDed,
    /// general-ciphering under the global key.
    General,
    /// general-ciphering under a key that is sent along, wrapped.
    GeneralWrapped,
    /// general-ciphering under a key agreed once for each APDU.
    GeneralOnePass,
    /// general-ciphering under a key agreed from the static keys of both ends.
    GeneralStatic,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// One JSON object per line.
    Json,
    /// Comma-separated values with a head.
    Csv,
}

/// Which object.
#[derive(Clone, Copy, Debug, Args)]
pub struct ObjectArgs {
    /// The logical name of the object, such as 1.0.1.8.0.255.
    #[arg(value_name = "NAME", value_parser = logical_name)]
    pub name: LogicalName,
    /// The class of the object: 1 data, 3 register, 8 clock. Without it the meter's list of objects is read for it.
    #[arg(long, value_name = "N")]
    pub class: Option<u16>,
}

/// A family of meters by its short name.
fn companion(key: &str) -> Result<&'static Companion, String> {
    let keys = || Companion::all().iter().map(|family| family.key).collect::<Vec<_>>().join(", ");
    Companion::find(key).ok_or_else(|| format!("expected one of {}", keys()))
}

/// `concentrator dlms get`.
#[derive(Clone, Debug, Args)]
pub struct GetArgs {
    /// How to reach the meter.
    #[command(flatten)]
    pub meter: MeterArgs,
    /// Which object.
    #[command(flatten)]
    pub object: ObjectArgs,
    /// The attribute.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub attribute: i8,
    /// The value as the meter sends it: no scaler and unit, octets for a time or a text.
    #[arg(long)]
    pub raw: bool,
}

/// `concentrator dlms set`.
#[derive(Clone, Debug, Args)]
pub struct SetArgs {
    /// How to reach the meter.
    #[command(flatten)]
    pub meter: MeterArgs,
    /// Which object.
    #[command(flatten)]
    pub object: ObjectArgs,
    /// The value with its type, such as u16:5, octets:0102, datetime:2026-01-14T00:00:00Z or struct(bool:true, enum:3).
    #[arg(value_name = "VALUE", value_parser = super::notation::parse)]
    pub value: super::notation::Encoded,
    /// The attribute.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub attribute: i8,
}

/// `concentrator dlms action`.
#[derive(Clone, Debug, Args)]
pub struct ActionArgs {
    /// How to reach the meter.
    #[command(flatten)]
    pub meter: MeterArgs,
    /// Which object.
    #[command(flatten)]
    pub object: ObjectArgs,
    /// The method.
    #[arg(value_name = "METHOD")]
    pub method: i8,
    /// The parameter with its type; most methods without one want i8:0.
    #[arg(value_name = "VALUE", value_parser = super::notation::parse)]
    pub parameter: Option<super::notation::Encoded>,
}

/// `concentrator dlms profile`.
#[derive(Clone, Debug, Args)]
pub struct ProfileArgs {
    /// How to reach the meter.
    #[command(flatten)]
    pub meter: MeterArgs,
    /// The logical name of the profile.
    #[arg(value_name = "NAME", default_value = "1.0.99.1.0.255", value_parser = logical_name)]
    pub name: LogicalName,
    /// Captured at this time (UTC) or later: 2026-11-22 or 2026-11-22T10:15:00Z.
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub from: Option<Utc>,
    /// Captured before this time (UTC).
    #[arg(long, value_name = "TIME", value_parser = utc)]
    pub to: Option<Utc>,
    /// Put back the cells that the meter leaves out because they follow from the row before: times one capture period on, all others
    /// unchanged. The families of --companion that do so are known.
    #[arg(long, conflicts_with = "raw")]
    pub compressed: bool,
    /// Values as the meter sends them: no scalers and units, octets for times, plain numbers for states, nothing where it has left
    /// something out.
    #[arg(long)]
    pub raw: bool,
}

/// `concentrator dlms push`.
#[derive(Clone, Debug, Subcommand)]
pub enum PushCommand {
    /// Wait for meters that connect, and print what they push.
    Listen(ListenArgs),
}

/// `concentrator dlms push listen`.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("link").required(true))]
pub struct ListenArgs {
    /// Listen there for connections with the wrapper; 4059 is the port of DLMS.
    #[arg(long, value_name = "ADDRESS", group = "link")]
    pub wrapper: Option<SocketAddr>,
    /// Listen there for datagrams with the wrapper.
    #[arg(long, value_name = "ADDRESS", group = "link")]
    pub udp: Option<SocketAddr>,
    /// Listen there for connections with HDLC.
    #[arg(long, value_name = "ADDRESS", group = "link")]
    pub hdlc: Option<SocketAddr>,
    /// The keys of the pushing meter, as for the other commands.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Keep the highest counters of the meters there: what is pushed under one that was heard is refused.
    #[arg(long, value_name = "FILE", requires = "keys")]
    pub state: Option<PathBuf>,
    /// Confirm ciphered pushes that want it, under counters of this file: the --state of this client with the one meter that
    /// pushes. No other command is to use it meanwhile.
    #[arg(long, value_name = "FILE", requires = "keys")]
    pub confirm_state: Option<PathBuf>,
    /// The client whose keys the meter pushes under.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub client: u16,
    /// End after so many pushes.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Show each APDU on standard error, deciphered and taken apart.
    #[arg(long)]
    pub trace: bool,
    /// How pushes are printed.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

impl ListenArgs {
    /// How pushes are printed.
    pub const fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}
