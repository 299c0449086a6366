//! The forms of an address: what stands in the header, and what is rebuilt.
//!
//! Every form has one function that rebuilds the address. The compressor tries the forms from the
//! shortest on and takes the first that rebuilds the right address, so that the two can never disagree.

use super::Contexts;
use crate::addressing::{self, Ipv6Address};
use crate::config::Context;
use heapless::Vec;
use plc_core::wire::{Reader, WireError};
use plc_core::{PanId, ShortAddress};

/// How an address is written: context or not, mode, octets in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The context used, if any (SAC or DAC).
    pub(super) context: Option<u8>,
    /// SAM or DAM, 0..=3.
    pub(super) mode: u8,
    /// Octets in line.
    pub(super) inline: Vec<u8, 16>,
}

impl Form {
    fn new(context: Option<u8>, mode: u8, inline: &[u8]) -> Self {
        let inline = Vec::from_slice(inline).expect("an address has at most sixteen octets");
        Self { context, mode, inline }
    }
}

/// What an elided unicast address is rebuilt from.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) pan_id: PanId,
    pub(super) short: ShortAddress,
}

/// The shortest form of a unicast address.
pub(super) fn unicast_form(address: &Ipv6Address, node: Node, contexts: Option<&Contexts>) -> Form {
    let tails = [(3, &address[16..]), (2, &address[14..]), (1, &address[8..])];
    for (mode, tail) in tails {
        let rebuilds = |context: Option<&Context>| {
            unicast(mode, context, node, &mut Reader::new(tail)).as_ref() == Ok(address)
        };
        let mut fitting =
            contexts.into_iter().flat_map(Contexts::compressing).filter(|(_, c)| rebuilds(Some(c)));
        if let Some((index, _)) = fitting.next() {
            return Form::new(Some(index), mode, tail);
        }
        if rebuilds(None) {
            return Form::new(None, mode, tail);
        }
    }
    Form::new(None, 0, address)
}

/// Rebuilds a unicast address from what is in line; mode 0 is the whole address.
pub(super) fn unicast(
    mode: u8,
    context: Option<&Context>,
    node: Node,
    reader: &mut Reader<'_>,
) -> Result<Ipv6Address, WireError> {
    let iid = match mode {
        0 => return reader.array(),
        1 => reader.array()?,
        2 => addressing::iid(node.pan_id, ShortAddress(reader.u16_be()?)),
        _ => addressing::iid(node.pan_id, node.short),
    };
    let prefix = if context.is_some() { [0; 8] } else { addressing::LINK_LOCAL };
    Ok(overlay(context, addressing::join(prefix, iid)))
}

/// The bits of the context win over the others \[RFC 6282 3.1.1\].
fn overlay(context: Option<&Context>, address: Ipv6Address) -> Ipv6Address {
    let Some(context) = context else { return address };
    let mask = context.mask();
    let mixed = u128::from_be_bytes(context.prefix) & mask | u128::from_be_bytes(address) & !mask;
    mixed.to_be_bytes()
}

/// The shortest form of a multicast address.
pub(super) fn multicast_form(address: &Ipv6Address, contexts: Option<&Contexts>) -> Form {
    let a = address;
    let stateless: [(u8, &[u8]); 3] =
        [(3, &[a[15]]), (2, &[a[1], a[13], a[14], a[15]]), (1, &[a[1], a[11], a[12], a[13], a[14], a[15]])];
    for (mode, tail) in stateless {
        if multicast(mode, None, &mut Reader::new(tail)).as_ref() == Ok(address) {
            return Form::new(None, mode, tail);
        }
    }
    let tail = [a[1], a[2], a[12], a[13], a[14], a[15]];
    let rebuilds = |c: &Context| multicast(0, Some(c), &mut Reader::new(&tail)).as_ref() == Ok(address);
    let mut fitting = contexts.into_iter().flat_map(Contexts::compressing).filter(|(_, c)| rebuilds(c));
    match fitting.next() {
        Some((index, _)) => Form::new(Some(index), 0, &tail),
        None => Form::new(None, 0, address),
    }
}

/// Rebuilds a multicast address \[RFC 6282 3.2.3, 3.2.4\].
pub(super) fn multicast(
    mode: u8,
    context: Option<&Context>,
    reader: &mut Reader<'_>,
) -> Result<Ipv6Address, WireError> {
    let mut address = [0; 16];
    address[0] = 0xFF;
    match (context, mode) {
        (None, 0) => return reader.array(),
        (None, 1) => {
            address[1] = reader.u8()?;
            address[11..].copy_from_slice(reader.bytes(5)?);
        }
        (None, 2) => {
            address[1] = reader.u8()?;
            address[13..].copy_from_slice(reader.bytes(3)?);
        }
        (None, _) => {
            address[1] = 0x02;
            address[15] = reader.u8()?;
        }
        (Some(context), 0) => {
            address[1..3].copy_from_slice(reader.bytes(2)?);
            address[3] = context.bits;
            address[4..12].copy_from_slice(&context.prefix[..8]);
            address[12..].copy_from_slice(reader.bytes(4)?);
        }
        (Some(_), _) => return Err(WireError::Invalid("multicast mode")),
    }
    Ok(address)
}
