//! `plcsim config`.

use crate::ConfigArgs;
use crate::street::{Failure, one_way};
use plc_core::Seed;
use plc_core::sap::Key;
use sim::feeder::Feeder;
use sim::street::{MeterIdentity, customers};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

/// Prints the file.
pub(crate) fn print(args: &ConfigArgs) -> Result<(), Failure> {
    let seed = Seed::from_u64(args.world.seed);
    let customers = customers(usize::from(args.world.customers), &Feeder::european_lv())?;
    let (mut text, one_way) = (head(args)?, one_way(&args.world)?);
    for (customer, place) in customers.into_iter().zip(1..) {
        text.push_str(&meter(&MeterIdentity::new(customer, &seed)));
        if one_way.contains(&place) {
            text.push_str("one_way = true\n");
        }
    }
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn head(args: &ConfigArgs) -> Result<String, Failure> {
    let store = quoted(utf8(&args.store)?);
    let front_end = quoted(&format!("unix:{}", utf8(&args.socket)?));
    let listen = args.listen;
    Ok(format!(
        "[store]\npath = {store}\n\n[grpc]\nlisten = \"{listen}\"\nplain_text = true\n\n[plc]\nfront_end = {front_end}\n\n[collector]\nread_delay_s = 10\n",
    ))
}

fn utf8(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure::Unprintable(path.to_owned()))
}

/// A basic string of TOML [TOML 1.0, String].
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            // Writing to a string cannot fail.
            _ if character.is_ascii_control() => drop(write!(quoted, "\\u{:04X}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

fn meter(identity: &MeterIdentity) -> String {
    let mut text = format!("\n[[meter]]\nid = \"{}\"\neui64 = \"{}\"\n", identity.id(), identity.eui64);
    let keys = [
        ("psk", identity.psk),
        ("encryption_key", identity.encryption_key),
        ("authentication_key", identity.authentication_key),
        ("master_key", identity.master_key),
    ];
    for (name, key) in keys {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} = \"{}\"", hex(&key));
    }
    text
}

fn hex(key: &Key) -> String {
    key.0.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    fn args(socket: &[u8], store: &str) -> ConfigArgs {
        ConfigArgs {
            world: World { customers: 1, seed: 1, snr: None, one_way: Vec::new() },
            socket: PathBuf::from(OsStr::from_bytes(socket)),
            store: PathBuf::from(store),
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 50_051)),
        }
    }

    #[test]
    fn whatever_a_path_holds_stays_within_its_string() {
        let text = head(&args(b"/a \"b\"\\c\n\x7f'\xc3\xa9", "/d\"\te")).expect("both paths are text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], r#"path = "/d\"\u0009e""#);
        assert_eq!(lines[8], r#"front_end = "unix:/a \"b\"\\c\u000A\u007F'é""#);
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        let error = head(&args(b"/\xff", "/s")).expect_err("a configuration is UTF-8");
        assert_eq!(
            error.to_string(),
            "path /\u{fffd}: not in UTF-8, expected a path that a configuration can hold"
        );
    }
}
