//! The objects that every server has: current association, SAP assignment, security setup.

use super::sessions::{ASSOCIATIONS_MAX, OpenAssociations};
use super::{Access, AssociationConfig, AssociationContext, ObjectEntry, ObjectModel, ServerConfig};
use crate::apdu::{Conformance, DataAccessResult, Mechanism};
use crate::axdr::Encoder;
use crate::classes::security_setup::use_code;
use crate::cosem::{AttributeRequest, LogicalName};
use crate::security::{SecurityContext, SystemTitle};
use crate::specs::security_setup::{self, entity};
use crate::specs::{association_status, classes, initiate};

/// Index by which the built-in objects are known.
const CURRENT_ASSOCIATION: ObjectEntry =
    ObjectEntry::read_only(classes::ASSOCIATION_LN, 2, classes::CURRENT_ASSOCIATION, 11)
        .unreadable(1 << SECRET)
        .methods(6, 1 << 1);
const SAP_ASSIGNMENT: ObjectEntry =
    ObjectEntry::read_only(classes::SAP_ASSIGNMENT, 0, classes::SAP_ASSIGNMENT_NAME, 2);
const SECURITY_SETUP: ObjectEntry =
    ObjectEntry::read_only(classes::SECURITY_SETUP, 1, classes::SECURITY_SETUP_NAME, 6)
        .methods(security_setup::METHODS, 0x1FE);

const ENTRIES: [ObjectEntry; 3] = [CURRENT_ASSOCIATION, SAP_ASSIGNMENT, SECURITY_SETUP];

/// The association object of a client, by its place among the associations: all may look at them but the public.
const fn of_client(index: u8) -> ObjectEntry {
    let LogicalName([a, b, c, d, _, f]) = classes::CURRENT_ASSOCIATION;
    let name = LogicalName([a, b, c, d, index + 1, f]);
    ObjectEntry::read_only(classes::ASSOCIATION_LN, 2, name, 11).unreadable(1 << SECRET).methods(6, 0)
}

/// The attribute secret, which is shown to nobody.
const SECRET: i8 = 7;

/// What the built-in objects show.
pub(super) struct Builtin<'s> {
    pub(super) config: &'s ServerConfig,
    pub(super) association: &'s AssociationConfig,
    pub(super) context: &'s AssociationContext,
    pub(super) client_title: SystemTitle,
    pub(super) max_pdu: usize,
    pub(super) keys: Option<&'s SecurityContext>,
    /// Which user of the client asks, if it has said so.
    pub(super) user_id: Option<u8>,
    /// The associations that somebody has opened.
    pub(super) open: &'s OpenAssociations,
}

impl Builtin<'_> {
    pub(super) fn get(
        &self,
        request: &AttributeRequest,
        objects: &dyn ObjectModel,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        match request.class_id {
            classes::ASSOCIATION_LN => self.association_of(request, objects, out),
            classes::SAP_ASSIGNMENT => self.sap_assignment(out),
            _ => self.security_setup(request.attribute, out)?,
        }
        Ok(())
    }

    /// The built-in object of this name.
    pub(super) fn find(&self, logical_name: LogicalName) -> Option<ObjectEntry> {
        let own = ENTRIES.into_iter().find(|entry| entry.logical_name == logical_name);
        own.or_else(|| self.of_clients().find(|entry| entry.logical_name == logical_name))
    }

    /// The association objects of all clients.
    fn of_clients(&self) -> impl ExactSizeIterator<Item = ObjectEntry> + use<> {
        let shown = if self.context.access == Access::Public { 0 } else { self.config.associations.len() };
        (0..shown.min(ASSOCIATIONS_MAX) as u8).map(of_client)
    }

    /// The current association, or that of a client.
    fn association_of(&self, request: &AttributeRequest, objects: &dyn ObjectModel, out: &mut Encoder<'_>) {
        let index = usize::from(request.logical_name.0[4]).wrapping_sub(1);
        let other = self.config.associations.get(index);
        let Some(other) = other.filter(|other| other.client_sap != self.association.client_sap) else {
            return self.association(request.attribute, association_status::ASSOCIATED, objects, out);
        };
        let ciphered = other.authentication.keys().is_some();
        let (client_sap, access) = (other.client_sap, other.access);
        let context = AssociationContext { client_sap, access, ciphered, ..*self.context };
        let max_pdu = usize::from(self.config.max_pdu);
        let user_id = self.open.user(index);
        let theirs = Builtin { association: other, context: &context, max_pdu, user_id, ..*self };
        let status = match self.open.has(index) {
            true => association_status::ASSOCIATED,
            false => association_status::NON_ASSOCIATED,
        };
        theirs.association(request.attribute, status, objects, out);
    }

    fn association(&self, attribute: i8, status: u8, objects: &dyn ObjectModel, out: &mut Encoder<'_>) {
        match attribute {
            2 => self.object_list(objects, out),
            3 => {
                out.structure(2);
                out.i8(self.association.client_sap as i8);
                out.u16(self.config.server_sap);
            }
            4 => out.octet_string(&self.association.authentication.context().identifier()),
            5 => self.xdlms_context(out),
            6 => out.octet_string(
                &self.association.authentication.mechanism().unwrap_or(Mechanism::LOWEST).identifier(),
            ),
            // Nobody has the right to read it.
            SECRET => out.octet_string(&[]),
            8 => out.enumeration(status),
            9 => out.logical_name(classes::SECURITY_SETUP_NAME),
            10 => out.array(0),
            // current_user: user_list is empty, so users have no names \[BB 4.4.4; confidence B\].
            _ => {
                out.structure(2);
                out.u8(self.user_id.unwrap_or(0));
                out.utf8_string("");
            }
        }
    }

    fn xdlms_context(&self, out: &mut Encoder<'_>) {
        out.structure(6);
        out.bit_string(24, &Conformance::OURS.octets());
        out.u16(self.config.max_pdu);
        out.u16(u16::try_from(self.max_pdu).unwrap_or(u16::MAX));
        out.u8(initiate::VERSION);
        out.i8(0);
        out.octet_string(&[]);
    }

    fn object_list(&self, objects: &dyn ObjectModel, out: &mut Encoder<'_>) {
        let listed = |index| objects.object(index, self.context);
        let count = (0..).map_while(listed).count();
        let clients = self.of_clients();
        out.array(ENTRIES.len() + clients.len() + count);
        let own = ENTRIES.map(|entry| self.as_granted(entry));
        own.into_iter()
            .chain(clients)
            .chain((0..count).map_while(listed))
            .for_each(|entry| list_entry(&entry, out));
    }

    fn sap_assignment(&self, out: &mut Encoder<'_>) {
        out.array(1);
        out.structure(2);
        out.u16(self.config.server_sap);
        out.octet_string(&self.config.logical_device_name);
    }

    /// Only who manages the meter in a ciphered context changes its security.
    fn as_granted(&self, entry: ObjectEntry) -> ObjectEntry {
        let manages = self.context.ciphered && self.context.access == Access::Management;
        let denied = entry.class_id == classes::SECURITY_SETUP && !manages;
        if denied { entry.methods(entry.methods, 0) } else { entry }
    }

    fn certificates(&self, out: &mut Encoder<'_>) {
        let certificates = self.keys.map_or(&[][..], SecurityContext::certificates);
        out.array(certificates.len());
        for certificate in certificates {
            let of_server = *certificate.title() == self.config.server_title;
            out.structure(6);
            out.enumeration(if of_server { entity::SERVER } else { entity::CLIENT });
            out.enumeration(use_code(certificate.key_use()));
            out.octet_string(certificate.serial());
            out.octet_string(certificate.issuer().as_bytes());
            out.octet_string(certificate.subject().as_bytes());
            // subject_alt_name: none.
            out.octet_string(&[]);
        }
    }

    fn security_setup(&self, attribute: i8, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        match attribute {
            2 => out.enumeration(self.keys.map_or(0, |keys| keys.policy().0)),
            3 => out.enumeration(self.keys.map_or(0, |keys| keys.suite().code())),
            4 => out.octet_string(&self.client_title),
            5 => out.octet_string(&self.config.server_title),
            6 => self.certificates(out),
            _ => return Err(DataAccessResult::ObjectUndefined),
        }
        Ok(())
    }
}

/// object_list_element with its access rights.
fn list_entry(entry: &ObjectEntry, out: &mut Encoder<'_>) {
    out.structure(4);
    out.u16(entry.class_id);
    out.u8(entry.version);
    out.logical_name(entry.logical_name);
    out.structure(2);
    out.array(usize::from(entry.attributes));
    for attribute in 1..=entry.attributes {
        out.structure(3);
        out.i8(attribute as i8);
        out.enumeration(access_mode(entry, attribute));
        if entry.is_selectable(attribute as i8) {
            out.array(2);
            out.i8(1);
            out.i8(2);
        } else {
            out.null();
        }
    }
    out.array(usize::from(entry.methods));
    for method in 1..=entry.methods {
        out.structure(2);
        out.i8(method as i8);
        out.enumeration(u8::from(has(entry.callable, method as i8)));
    }
}

/// 0 no access, 1 read, 2 write, 3 both.
fn access_mode(entry: &ObjectEntry, attribute: u8) -> u8 {
    let attribute = attribute as i8;
    u8::from(has(entry.readable, attribute)) | u8::from(has(entry.writable, attribute)) << 1
}

/// Whether bit `number` is in `mask`.
pub(super) fn has(mask: u32, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| number < 32 && mask & 1 << number != 0)
}
