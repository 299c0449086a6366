//! Which attribute is meant, which method.

use super::{LogicalName, Selector};
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// One attribute of one object, all of it or what a selector chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeRequest {
    /// The interface class.
    pub class_id: u16,
    /// The object.
    pub logical_name: LogicalName,
    /// The attribute; 1 is the logical name.
    pub attribute: i8,
    /// Selective access.
    pub selector: Option<Selector>,
}

impl AttributeRequest {
    /// All of an attribute.
    pub const fn new(class_id: u16, logical_name: LogicalName, attribute: i8) -> Self {
        Self { class_id, logical_name, attribute, selector: None }
    }

    /// Takes a cosem-attribute-descriptor with its optional selection.
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let attribute = Self::parse_descriptor(reader)?;
        let selector = match reader.u8()? {
            0 => None,
            _ => Some(Selector::parse(reader)?),
        };
        Ok(Self { selector, ..attribute })
    }

    /// Takes a cosem-attribute-descriptor alone.
    pub(crate) fn parse_descriptor(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let class_id = reader.u16_be()?;
        let logical_name = LogicalName(reader.array()?);
        Ok(Self::new(class_id, logical_name, reader.u8()? as i8))
    }

    pub(crate) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        self.emit_descriptor(writer)?;
        writer.u8(u8::from(self.selector.is_some()))?;
        self.selector.as_ref().map_or(Ok(()), |selector| selector.emit(writer))
    }

    /// Writes the descriptor without its selection.
    pub(crate) fn emit_descriptor(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.class_id)?;
        writer.bytes(&self.logical_name.0)?;
        writer.u8(self.attribute as u8)
    }

    pub(crate) fn wire_len(&self) -> usize {
        10 + self.selector.as_ref().map_or(0, Selector::wire_len)
    }
}

impl fmt::Display for AttributeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} attribute {}", self.class_id, self.logical_name, self.attribute)?;
        self.selector.as_ref().map_or(Ok(()), |selector| write!(f, " {selector}"))
    }
}

/// One method of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodRequest {
    /// The interface class.
    pub class_id: u16,
    /// The object.
    pub logical_name: LogicalName,
    /// The method, from 1.
    pub method: i8,
}

impl MethodRequest {
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let class_id = reader.u16_be()?;
        let logical_name = LogicalName(reader.array()?);
        Ok(Self { class_id, logical_name, method: reader.u8()? as i8 })
    }

    pub(crate) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        writer.u16_be(self.class_id)?;
        writer.bytes(&self.logical_name.0)?;
        writer.u8(self.method as u8)
    }

    pub(crate) const fn wire_len(&self) -> usize {
        9
    }
}

impl fmt::Display for MethodRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} method {}", self.class_id, self.logical_name, self.method)
    }
}
