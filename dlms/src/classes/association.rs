//! Association LN, class 15: the list of objects, by which a meter that was never seen before is read
//! \[BB 4.4.4\].

use crate::axdr::{Data, Sequence};
use crate::cosem::{AttributeRequest, LogicalName};
use crate::specs::access_rights as specs;
use alloc::vec::Vec;

/// The interface class Association LN.
pub const CLASS_ID: u16 = 15;
/// The attribute object_list.
pub const OBJECT_LIST: i8 = 2;

/// An element of object_list: an object and what the association may do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The interface class.
    pub class_id: u16,
    /// Its version.
    pub version: u8,
    /// The object.
    pub logical_name: LogicalName,
    /// Its attributes.
    pub attributes: Vec<AttributeAccess>,
    /// Its methods.
    pub methods: Vec<MethodAccess>,
}

/// What the association may do with an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeAccess {
    /// The attribute.
    pub attribute: i8,
    /// The rights.
    pub rights: Rights,
    /// The selectors that choose a part of it.
    pub selectors: Vec<i8>,
}

/// What the association may do with a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodAccess {
    /// The method.
    pub method: i8,
    /// Whether it may be invoked.
    pub may_invoke: bool,
    /// How the request must be protected, and the response is.
    pub protection: Protection,
}

/// Rights on an attribute, whatever version of the class tells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Whether it may be read.
    pub read: bool,
    /// Whether it may be written.
    pub write: bool,
    /// How the request must be protected, and the response is.
    pub protection: Protection,
}

/// The protection that goes with a right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// Requests must be authenticated.
    pub authenticated_request: bool,
    /// Requests must be encrypted.
    pub encrypted_request: bool,
    /// Requests must be signed.
    pub signed_request: bool,
    /// Responses are authenticated.
    pub authenticated_response: bool,
    /// Responses are encrypted.
    pub encrypted_response: bool,
    /// Responses are signed.
    pub signed_response: bool,
}

impl Protection {
    const fn of_bits(mode: u8) -> Self {
        Self {
            authenticated_request: mode & specs::AUTHENTICATED_REQUEST != 0,
            encrypted_request: mode & specs::ENCRYPTED_REQUEST != 0,
            signed_request: mode & specs::SIGNED_REQUEST != 0,
            authenticated_response: mode & specs::AUTHENTICATED_RESPONSE != 0,
            encrypted_response: mode & specs::ENCRYPTED_RESPONSE != 0,
            signed_response: mode & specs::SIGNED_RESPONSE != 0,
        }
    }

    /// Versions before 3 know one word for all: authenticated.
    fn authenticated() -> Self {
        Self { authenticated_request: true, authenticated_response: true, ..Self::default() }
    }
}

impl Rights {
    /// The rights that `mode` tells, in the words of the association's own version.
    pub fn of_mode(mode: u8, association_version: u8) -> Self {
        if association_version >= specs::BITS_SINCE_VERSION {
            let (read, write) = (mode & specs::READ != 0, mode & specs::WRITE != 0);
            return Self { read, write, protection: Protection::of_bits(mode) };
        }
        let authenticated = (specs::AUTHENTICATED_READ..=specs::AUTHENTICATED_BOTH).contains(&mode);
        let protection = if authenticated { Protection::authenticated() } else { Protection::default() };
        let plain = if authenticated { mode - specs::READ_AND_WRITE } else { mode };
        let (read, write) = match plain {
            1 => (true, false),
            2 => (false, true),
            3 => (true, true),
            _ => (false, false),
        };
        Self { read, write, protection }
    }
}

impl ListedObject {
    /// From an element of object_list of an association of this version.
    pub fn from_data(data: &Data<'_>, association_version: u8) -> Option<Self> {
        let [class_id, version, name, rights] = data.as_structure()?.exactly()?;
        let [attributes, methods] = rights.as_structure()?.exactly()?;
        let attribute = |data: Data<'_>| attribute_access(&data, association_version);
        let method = |data: Data<'_>| method_access(&data, association_version);
        Some(Self {
            class_id: u16::try_from(class_id.as_u64()?).ok()?,
            version: u8::try_from(version.as_u64()?).ok()?,
            logical_name: LogicalName(name.as_octets()?.try_into().ok()?),
            attributes: attributes.as_array()?.iter().map(attribute).collect::<Option<_>>()?,
            methods: methods.as_array()?.iter().map(method).collect::<Option<_>>()?,
        })
    }

    /// The attributes that may be read, as requests, the logical name left out.
    pub fn readable(&self) -> impl Iterator<Item = AttributeRequest> + '_ {
        let readable = self.attributes.iter().filter(|access| access.rights.read && access.attribute > 1);
        readable.map(|access| AttributeRequest::new(self.class_id, self.logical_name, access.attribute))
    }

    /// The rights on an attribute; none if it is not listed.
    pub fn rights(&self, attribute: i8) -> Rights {
        let listed = self.attributes.iter().find(|access| access.attribute == attribute);
        listed.map_or_else(Rights::default, |access| access.rights)
    }
}

fn attribute_access(data: &Data<'_>, association_version: u8) -> Option<AttributeAccess> {
    let [attribute, mode, selectors] = data.as_structure()?.exactly()?;
    let mode = u8::try_from(mode.as_u64()?).ok()?;
    let selectors = selectors.as_array().unwrap_or_default();
    Some(AttributeAccess {
        attribute: i8::try_from(attribute.as_i64()?).ok()?,
        rights: Rights::of_mode(mode, association_version),
        selectors: selectors.iter().filter_map(|s| i8::try_from(s.as_i64()?).ok()).collect(),
    })
}

fn method_access(data: &Data<'_>, association_version: u8) -> Option<MethodAccess> {
    let [method, mode] = data.as_structure()?.exactly()?;
    let mode = match mode {
        Data::Boolean(may) => u8::from(may),
        mode => u8::try_from(mode.as_u64()?).ok()?,
    };
    let protection = match (association_version, mode) {
        (specs::BITS_SINCE_VERSION.., _) => Protection::of_bits(mode),
        (_, specs::AUTHENTICATED_INVOCATION) => Protection::authenticated(),
        _ => Protection::default(),
    };
    let may_invoke = match association_version {
        specs::BITS_SINCE_VERSION.. => mode & specs::INVOKE != 0,
        _ => matches!(mode, specs::INVOKE | specs::AUTHENTICATED_INVOCATION),
    };
    Some(MethodAccess { method: i8::try_from(method.as_i64()?).ok()?, may_invoke, protection })
}

/// The objects of a logical device, as one association sees them: walked without copies, so that a long list
/// costs little.
#[derive(Clone, Copy, Debug)]
pub struct ObjectList<'a> {
    elements: Sequence<'a>,
    version: u8,
}

impl<'a> ObjectList<'a> {
    /// The encoded value of object_list. The version of the association stands in the list itself, with the
    /// current association; without it the rights are taken for those of version 1.
    pub fn from_value(encoded: &'a [u8]) -> Option<Self> {
        let elements = Data::from_bytes(encoded).ok()?.as_array()?;
        let mut list = Self { elements, version: 1 };
        let own = list.iter().find(|object| object.class_id == CLASS_ID);
        list.version = own.map_or(1, |own| own.version);
        Some(list)
    }

    /// The version of the association.
    pub const fn association_version(&self) -> u8 {
        self.version
    }

    /// Number of elements, whether they make sense or not.
    pub const fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Walks the objects; what is none is left out.
    pub fn iter(&self) -> impl Iterator<Item = ListedObject> + use<'a> {
        let version = self.version;
        self.elements.iter().filter_map(move |element| ListedObject::from_data(&element, version))
    }

    /// The object of this name.
    pub fn find(&self, logical_name: LogicalName) -> Option<ListedObject> {
        self.iter().find(|object| object.logical_name == logical_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axdr::Encoder;

    /// A list of the association itself and of one register whose attribute 2 has this mode.
    fn list(version: u8, mode: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = Encoder::new(&mut bytes, 1000);
        out.array(2);
        let objects = [(15, version, [0, 0, 40, 0, 0, 255]), (3, 0, [1, 0, 1, 8, 0, 255])];
        for (class_id, version, name) in objects {
            out.structure(4);
            out.u16(class_id);
            out.u8(version);
            out.logical_name(LogicalName(name));
            out.structure(2);
            out.array(2);
            for attribute in 1..=2 {
                out.structure(3);
                out.i8(attribute);
                out.enumeration(if attribute == 1 { 1 } else { mode });
                out.null();
            }
            out.array(1);
            out.structure(2);
            out.i8(1);
            out.enumeration(1);
        }
        assert_eq!(out.finish(), Ok(()));
        bytes
    }

    fn rights(version: u8, mode: u8) -> Rights {
        let bytes = list(version, mode);
        let list = ObjectList::from_value(&bytes).unwrap();
        assert_eq!((list.association_version(), list.len()), (version, 2));
        list.find(LogicalName([1, 0, 1, 8, 0, 255])).unwrap().rights(2)
    }

    #[test]
    fn modes_of_versions_1_and_2_are_numbers() {
        for version in [1, 2] {
            let of = |mode| rights(version, mode);
            assert_eq!((of(0).read, of(0).write), (false, false));
            assert_eq!((of(1).read, of(1).write), (true, false));
            assert_eq!((of(2).read, of(2).write), (false, true));
            assert_eq!((of(3).read, of(3).write), (true, true));
            assert_eq!((of(4).read, of(4).protection.authenticated_request), (true, true));
            assert_eq!((of(6).write, of(6).protection.authenticated_request), (true, true));
            assert_eq!((of(7).read, of(7).write), (false, false));
        }
    }

    #[test]
    fn modes_of_version_3_are_bits() {
        let read = rights(3, 0x25);
        assert!(read.read && !read.write);
        assert!(read.protection.authenticated_request && read.protection.authenticated_response);
        assert!(!read.protection.encrypted_request && !read.protection.signed_request);
        let all = rights(3, 0xFF);
        assert!(all.write && all.protection.signed_response && all.protection.encrypted_request);
    }

    #[test]
    fn what_may_be_read_is_asked_for_and_nothing_else() {
        let bytes = list(1, 0);
        let register = ObjectList::from_value(&bytes).unwrap().iter().nth(1).unwrap();
        assert_eq!(register.readable().count(), 0);
        assert!(register.methods[0].may_invoke);
        let bytes = list(1, 1);
        let register = ObjectList::from_value(&bytes).unwrap().iter().nth(1).unwrap();
        let asked: Vec<_> = register.readable().collect();
        assert_eq!(asked, [AttributeRequest::new(3, LogicalName([1, 0, 1, 8, 0, 255]), 2)]);
    }

    #[test]
    fn what_is_no_list_is_none_and_what_is_no_object_is_left_out() {
        assert!(ObjectList::from_value(&[17, 1]).is_none());
        let list = ObjectList::from_value(&[1, 2, 17, 1, 2, 0]).map(|list| (list.len(), list.iter().count()));
        assert_eq!(list, Some((2, 0)));
    }
}
