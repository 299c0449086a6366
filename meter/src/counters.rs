//! The receive counters of clients other than that of management, as objects of their own.
//!
//! A client that has lost its counter asks the public client for the highest one that the meter has accepted: at 0-0:43.1.0.255 for
//! the management client (see [`crate::objects::names::RECEIVE_COUNTER`]), and at 0-0:43.1.N.255 for the client N.

use alloc::vec::Vec;
use dlms::apdu::{ActionResult, DataAccessResult};
use dlms::axdr::{Data, Encoder};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use dlms::server::{AssociationConfig, AssociationContext, ObjectEntry, ObjectModel, Server};
use plc_core::{Instant, Utc};

use crate::specs::SAP_MANAGEMENT;

/// The interface class Data, and its attribute value.
const DATA: u16 = 1;
const VALUE: i8 = 2;

/// Clients in ciphered contexts, and the highest counter that was accepted from each.
#[derive(Debug, Default)]
pub(crate) struct ReceiveCounters(Vec<(u8, u32)>);

impl ReceiveCounters {
    /// Of those associations that have a counter and a client whose number fits a logical name.
    pub(crate) fn new(further: &[AssociationConfig]) -> Self {
        let counted = further.iter().filter(|association| association.authentication.keys().is_some());
        let others = counted.map(|association| association.client_sap).filter(|&sap| sap != SAP_MANAGEMENT);
        Self(others.filter_map(|sap| u8::try_from(sap).ok()).map(|sap| (sap, 0)).collect())
    }

    /// Brings all up to what the server has accepted.
    pub(crate) fn refresh(&mut self, server: &Server) {
        for (sap, last) in &mut self.0 {
            *last = server.receive_counter((*sap).into()).unwrap_or(0);
        }
    }

    fn of(&self, name: LogicalName) -> Option<u32> {
        self.0.iter().find(|(sap, _)| counter_name(*sap) == name).map(|&(_, last)| last)
    }
}

/// Objects, and behind them the receive counters.
pub(crate) struct CountersShown<'m> {
    pub(crate) objects: &'m mut dyn ObjectModel,
    pub(crate) counters: &'m ReceiveCounters,
}

impl ObjectModel for CountersShown<'_> {
    fn object(&self, index: usize, association: &AssociationContext) -> Option<ObjectEntry> {
        self.objects.object(index, association).or_else(|| {
            let own =
                (0..index).rev().take_while(|&at| self.objects.object(at, association).is_none()).count();
            self.counters.0.get(own).map(|&(sap, _)| entry(sap))
        })
    }

    fn find(&self, logical_name: LogicalName, association: &AssociationContext) -> Option<ObjectEntry> {
        let counter = || self.counters.0.iter().find(|(sap, _)| counter_name(*sap) == logical_name);
        self.objects.find(logical_name, association).or_else(|| counter().map(|&(sap, _)| entry(sap)))
    }

    fn utc(&self, now: Instant) -> Option<Utc> {
        self.objects.utc(now)
    }

    fn get(
        &mut self,
        request: &AttributeRequest,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        match self.counters.of(request.logical_name) {
            Some(last) if request.attribute == VALUE => {
                out.u32(last);
                Ok(())
            }
            Some(_) => Err(DataAccessResult::ObjectUndefined),
            None => self.objects.get(request, association, out),
        }
    }

    fn set(
        &mut self,
        request: &AttributeRequest,
        value: &Data<'_>,
        association: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        self.objects.set(request, value, association)
    }

    fn action(
        &mut self,
        request: &MethodRequest,
        parameter: Option<&Data<'_>>,
        association: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), ActionResult> {
        self.objects.action(request, parameter, association, out)
    }
}

/// 0-0:43.1.N.255 \[metering OBIS codes: BB 6.2.5; confidence B\].
const fn counter_name(sap: u8) -> LogicalName {
    LogicalName([0, 0, 43, 1, sap, 255])
}

const fn entry(sap: u8) -> ObjectEntry {
    ObjectEntry::read_only(DATA, 0, counter_name(sap), 2)
}
