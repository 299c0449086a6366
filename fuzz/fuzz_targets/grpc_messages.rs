//! What clients and head-ends send: decoded, and taken as their handlers take it. The first octet says which message.
#![no_main]

use concentrator::grpc::{parse_job, parse_task};
use concentrator::uplink::wire;
use concentrator_proto::v1;
use libfuzzer_sys::fuzz_target;
use plc_core::Eui64;
use prost::Message;
use std::collections::BTreeSet;

fn job(request: &v1::JobRequest) {
    let configured: BTreeSet<_> = (0..8).map(Eui64::from_u64).collect();
    let known = |name: &str| Eui64::parse_hex(name).filter(|meter| configured.contains(meter));
    if let Ok(wish) = parse_job(request, &configured, known) {
        assert!(!wish.meters.is_empty() && wish.meters.iter().all(|meter| configured.contains(meter)));
        assert_eq!(wish.kind.parameter(), request.limit_w);
    }
}

fn task(plan: &v1::TaskPlan) {
    if let Ok(plan) = parse_task(plan, |name| name == "flat") {
        assert!(plan.fault().is_none() && plan.offset < plan.period && plan.deadline <= plan.period);
    }
}

fuzz_target!(|octets: &[u8]| {
    let Some((which, octets)) = octets.split_first() else { return };
    match which % 9 {
        0 => _ = v1::SubmitJobRequest::decode(octets).map(|request| request.job.as_ref().map(job)),
        1 => _ = v1::PreviewJobRequest::decode(octets).map(|request| request.job.as_ref().map(job)),
        2 => _ = v1::ListReadingsRequest::decode(octets),
        6 => _ = v1::ValueBatch::decode(octets).map(|batch| wire::parse_values(&batch)),
        7 => _ = v1::Welcome::decode(octets).map(|welcome| wire::parse_welcome(&welcome)),
        3 => _ = v1::ReadingBatch::decode(octets).map(|batch| wire::parse_readings(&batch)),
        5 => _ = v1::AddTaskRequest::decode(octets).map(|request| request.plan.as_ref().map(task)),
        4 => _ = v1::EventBatch::decode(octets).map(wire::parse_events),
        _ => _ = v1::Acknowledgement::decode(octets).map(|told| (wire::parse_lot(told.lot), wire::parse_spans(&told.held))),
    }
});
