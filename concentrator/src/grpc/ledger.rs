//! The delivery ledger on the interface.

use super::service::Service;
use crate::live::Delivery;
use crate::store::{LostRange, ReadingFilter, StoreError, StoreReader};
use crate::uplink::wire;
use backhaul::ledger::{Account, Line, Open, State};
use backhaul::{Digested, Runs};
use concentrator_proto::v1;
use concentrator_proto::v1::ledger_server::Ledger;
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The ledger, beside the rest of the interface.
#[derive(Clone, Debug)]
pub(super) struct LedgerService(pub(super) Arc<Service>);

#[tonic::async_trait]
impl Ledger for LedgerService {
    async fn list(
        &self,
        request: Request<v1::LedgerListRequest>,
    ) -> Result<Response<v1::LedgerListResponse>, Status> {
        let request = request.into_inner();
        let live = self.0.live();
        let scope = Scope {
            meter: self.0.meter(&request.meter_id).await?,
            from: request.from_ms.map(Utc::from_millis),
            to: request.to_ms.map_or(live.now(), |to| Utc::from_millis(to.saturating_sub(1))).min(live.now()),
            period: live.period(),
            delivery: live.delivery().borrow().clone(),
            in_hand: live.in_hand(),
        };
        let found = self.0.ask(move |store| scope.lines(store)).await?;
        let line = |(meter, line): &(Eui64, Line)| message(live.meter_id(*meter), line);
        Ok(Response::new(v1::LedgerListResponse { lines: found.iter().map(line).collect() }))
    }

    async fn digests(
        &self,
        request: Request<v1::LedgerDigestsRequest>,
    ) -> Result<Response<v1::LedgerDigestsResponse>, Status> {
        let request = request.into_inner();
        let filter = ReadingFilter {
            meter: self.0.meter(&request.meter_id).await?,
            from: request.from_ms.map(Utc::from_millis),
            to: request.to_ms.map(Utc::from_millis),
        };
        let of =
            wire::parse_digested(request.lot).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let page = wire::page(&request)?;
        let digests = self.0.digest(move |store| match of {
            Digested::Readings => store.digests(&filter, page),
            Digested::Values => store.value_digests(&filter, page),
        });
        Ok(Response::new(wire::emit_digests(of, &digests.await?, request.limit)?))
    }
}

/// What is asked for, and what is known besides the store.
struct Scope {
    meter: Option<Eui64>,
    from: Option<Utc>,
    to: Utc,
    period: Duration,
    delivery: Delivery,
    in_hand: BTreeSet<(Eui64, Utc)>,
}

impl Scope {
    fn lines(&self, store: &StoreReader) -> Result<Vec<(Eui64, Line)>, StoreError> {
        let since = store.expected_since()?;
        let coverage = store.coverage()?;
        let lost = store.lost(self.meter)?;
        let filter = ReadingFilter { meter: self.meter, ..ReadingFilter::default() };
        let open = store.undelivered(&filter, &self.delivery.readings, &self.delivery.sent)?;
        let mut meters: BTreeSet<Eui64> =
            since.keys().copied().chain(coverage.newest().into_keys()).collect();
        meters.retain(|meter| self.meter.is_none_or(|wanted| wanted == *meter));
        let mut lines = Vec::new();
        for meter in meters {
            let held = coverage.of_meter(meter);
            let first = since.get(&meter).copied().into_iter().chain(held.oldest()).min();
            // Nobody expects what was captured before.
            let from = self.from.max(first).unwrap_or(self.to);
            let found = self.of(&held, open.get(&meter), meter, &lost).lines_of(from, self.to);
            lines.extend(found.into_iter().map(|line| (meter, line)));
        }
        Ok(lines)
    }

    fn of<'a>(&self, held: &'a Runs, open: Option<&Open>, meter: Eui64, lost: &[LostRange]) -> OneMeter<'a> {
        let lost = lost.iter().filter(|range| range.meter == meter);
        OneMeter {
            period: self.period,
            held,
            open: open.cloned().unwrap_or_default(),
            in_hand: self
                .in_hand
                .iter()
                .filter(|(of, _)| *of == meter)
                .map(|(_, capture)| *capture)
                .collect(),
            lost: lost.map(|range| (range.from, range.to, range.reason)).collect(),
        }
    }
}

/// An account that owns what it is derived from.
struct OneMeter<'a> {
    period: Duration,
    held: &'a Runs,
    open: Open,
    in_hand: BTreeSet<Utc>,
    lost: Vec<(Utc, Utc, backhaul::ledger::Reason)>,
}

impl OneMeter<'_> {
    fn lines_of(&self, from: Utc, to: Utc) -> Vec<Line> {
        let Self { period, held, open, in_hand, lost } = self;
        Account { period: *period, held, open, in_hand, lost }.lines(from, to)
    }
}

fn message(meter_id: String, line: &Line) -> v1::LedgerLine {
    let state = match line.state {
        State::Due => v1::IntervalState::Due,
        State::Read => v1::IntervalState::Read,
        State::Durable => v1::IntervalState::Durable,
        State::Sent => v1::IntervalState::Sent,
        State::Acknowledged => v1::IntervalState::Acknowledged,
        State::Lost(_) => v1::IntervalState::Lost,
    };
    let reason = if let State::Lost(reason) = line.state { reason.as_str() } else { "" };
    v1::LedgerLine {
        meter_id,
        from_ms: line.from.as_millis(),
        to_ms: line.to.as_millis(),
        intervals: line.intervals,
        state: state.into(),
        reason: reason.to_owned(),
    }
}
