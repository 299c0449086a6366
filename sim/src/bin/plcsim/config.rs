//! `plcsim config`.

use crate::ConfigArgs;
use crate::street::Failure;
use plc_core::Seed;
use plc_core::sap::Key;
use sim::feeder::Feeder;
use sim::street::{MeterIdentity, customers};
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Prints the file.
pub(crate) fn print(args: &ConfigArgs) -> Result<(), Failure> {
    let seed = Seed::from_u64(args.world.seed);
    let customers = customers(usize::from(args.world.customers), &Feeder::european_lv())?;
    let mut text = head(args);
    customers.into_iter().for_each(|customer| text.push_str(&meter(&MeterIdentity::new(customer, &seed))));
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn head(args: &ConfigArgs) -> String {
    format!(
        "[store]\npath = {:?}\n\n[grpc]\nlisten = \"{}\"\n\n[plc]\nfront_end = \"unix:{}\"\n\n[collector]\nread_delay_s = 10\n",
        args.store,
        args.listen,
        args.socket.display(),
    )
}

fn meter(identity: &MeterIdentity) -> String {
    let mut text = format!("\n[[meter]]\nid = \"{}\"\neui64 = \"{}\"\n", identity.id(), identity.eui64);
    let keys = [
        ("psk", identity.psk),
        ("encryption_key", identity.encryption_key),
        ("authentication_key", identity.authentication_key),
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
