//! References to attributes and scripts, as many classes hold them.

use super::value::structure;
use crate::cosem::{AttributeRequest, LogicalName};

structure! {
    /// An attribute of another object: value_definition \[BB 4.5.6, 4.5.9; confidence A\].
    AttributeReference {
        /// The interface class; 0 for none.
        class_id: u16,
        /// The object.
        logical_name: LogicalName,
        /// The attribute.
        attribute: i8,
    }
}

impl AttributeReference {
    /// No attribute at all.
    pub const NONE: Self = Self { class_id: 0, logical_name: LogicalName([0; 6]), attribute: 0 };

    /// The attribute, as it is asked for.
    pub const fn request(&self) -> AttributeRequest {
        AttributeRequest::new(self.class_id, self.logical_name, self.attribute)
    }
}

structure! {
    /// A script: action_item \[BB 4.5.2; confidence A\].
    ScriptReference {
        /// The script table; all zero for none.
        table: LogicalName,
        /// The identifier of the script; 0 for none.
        selector: u16,
    }
}

impl ScriptReference {
    /// No script.
    pub const NONE: Self = Self { table: LogicalName([0; 6]), selector: 0 };

    /// The script, if there is one.
    pub fn some(&self) -> Option<Self> {
        (self.selector != 0).then(|| self.clone())
    }
}
