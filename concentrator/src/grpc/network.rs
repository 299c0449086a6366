//! The service of the network: its nodes, how the box speaks to them, and the frames that go by.

use super::convert;
use super::role::Caller;
use super::service::Service;
use super::stream::{self, Messages};
use crate::line::{Captured, Route, Tables};
use crate::live::Live;
use concentrator_proto::v1;
use concentrator_proto::v1::capture_response::Frame;
use concentrator_proto::v1::network_server::Network;
use plc_core::sap::{Modulation, ModulationScheme, NeighbourEntry, PhyLoss, TxParameters};
use plc_core::{Eui64, Instant, MacAddress, ShortAddress};
use plc_node::FrameBody;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl Network for Service {
    type CaptureStream = Messages<v1::CaptureResponse>;

    async fn topology(
        &self,
        _: Request<v1::TopologyRequest>,
    ) -> Result<Response<v1::TopologyResponse>, Status> {
        let nodes = self.live().topology().borrow().clone();
        let nodes = nodes.iter().map(|node| convert::node(self.live(), node)).collect();
        Ok(Response::new(v1::TopologyResponse { nodes }))
    }

    async fn list_links(
        &self,
        _: Request<v1::ListLinksRequest>,
    ) -> Result<Response<v1::ListLinksResponse>, Status> {
        let names = Names::of(self.live());
        let links = self.live().line.tables().links.iter().map(|entry| link(&names, entry)).collect();
        Ok(Response::new(v1::ListLinksResponse { links }))
    }

    async fn list_routes(
        &self,
        _: Request<v1::ListRoutesRequest>,
    ) -> Result<Response<v1::ListRoutesResponse>, Status> {
        let (names, Tables { at, routes, .. }) = (Names::of(self.live()), self.live().line.tables());
        let routes = routes.iter().map(|entry| route(&names, at, entry)).collect();
        Ok(Response::new(v1::ListRoutesResponse { routes }))
    }

    async fn capture(
        &self,
        request: Request<v1::CaptureRequest>,
    ) -> Result<Response<Self::CaptureStream>, Status> {
        let permit = self.permit(&Caller::of(&request)?)?;
        let (live, limit) = (self.shared(), request.into_inner().limit);
        let stopping = live.shutdown.clone();
        let frames = live.line.listen();
        Ok(Response::new(stream::spawn(permit, stopping, async move |sender| {
            send_frames(&sender, &live, frames, if limit == 0 { u64::MAX } else { limit }).await
        })))
    }
}

/// Hands frames over until there were enough, the client leaves or the concentrator stops.
async fn send_frames(
    sender: &mpsc::Sender<Result<v1::CaptureResponse, Status>>,
    live: &Live,
    mut frames: Receiver<Arc<Captured>>,
    mut limit: u64,
) -> Result<(), Status> {
    let before = live.line.missed();
    let mut lagged = 0;
    while limit > 0 {
        match frames.recv().await {
            Ok(captured) => {
                let missed = lagged + live.line.missed().saturating_sub(before);
                if !stream::offer(sender, frame(&captured, missed)).await? {
                    return Ok(());
                }
                limit -= 1;
            }
            Err(RecvError::Lagged(count)) => lagged += count,
            Err(RecvError::Closed) => return Ok(()),
        }
    }
    Ok(())
}

/// Who has which short address.
struct Names(BTreeMap<ShortAddress, (Eui64, String)>);

impl Names {
    fn of(live: &Live) -> Self {
        let nodes = live.topology().borrow().clone();
        let named =
            |node: crate::live::Node| Some((node.short_address?, (node.eui64, live.meter_id(node.eui64))));
        Self(nodes.into_iter().filter_map(named).collect())
    }

    fn find(&self, short: ShortAddress) -> (String, String) {
        self.0.get(&short).map(|(eui64, id)| (eui64.to_string(), id.clone())).unwrap_or_default()
    }
}

fn link(names: &Names, entry: &NeighbourEntry) -> v1::Link {
    let (eui64, meter_id) = names.find(entry.short);
    v1::Link {
        short_address: entry.short.0.into(),
        eui64,
        meter_id,
        modulation: modulation(&entry.tx),
        coherent: entry.tx.scheme == ModulationScheme::Coherent,
        tone_map: entry.tx.tone_map.0,
        attenuation_db: u32::from(entry.gain.steps) * entry.gain.step_db() as u32,
        link_quality: entry.lqi.0.into(),
        valid_s: entry.tmr_valid_s.into(),
    }
}

fn route(names: &Names, now: Instant, route: &Route) -> v1::Route {
    let (eui64, meter_id) = names.find(route.destination);
    let millis = |to: Instant, from: Instant| u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX);
    v1::Route {
        destination: route.destination.0.into(),
        eui64,
        meter_id,
        next_hop: route.next_hop.0.into(),
        cost: route.cost.into(),
        hops: route.hops.into(),
        weak_links: route.weak_links.into(),
        usable: route.usable,
        expires_ms: millis(route.expires, now),
        used_ago_ms: route.used.map(|used| millis(now, used)),
    }
}

fn frame(captured: &Captured, missed: u64) -> v1::CaptureResponse {
    let frame = &captured.frame;
    let told = match &frame.body {
        FrameBody::Data { psdu, tx, response_expected } => {
            let addresses = frame.body.addresses();
            let written = |address: Option<MacAddress>| address.map_or_else(String::new, address_text);
            Frame::Data(v1::DataFrame {
                psdu: psdu.to_vec(),
                modulation: modulation(tx),
                coherent: tx.scheme == ModulationScheme::Coherent,
                tone_map: tx.tone_map.0,
                response_expected: *response_expected,
                source: written(addresses.and_then(|of| of.source)),
                destination: written(addresses.and_then(|of| of.destination)),
                segment: addresses.map_or(0, |of| of.segment.into()),
            })
        }
        FrameBody::Ack { fcs, more_segments, negative } => Frame::Ack(v1::AckFrame {
            fcs: (*fcs).into(),
            more_segments: *more_segments,
            negative: *negative,
        }),
        FrameBody::Lost(loss) => Frame::Lost(lost(*loss).to_owned()),
    };
    v1::CaptureResponse {
        time_ns: captured.nanos,
        sent: frame.sent,
        link_quality: frame.lqi.map(|lqi| lqi.0.into()),
        frame: Some(told),
        missed,
    }
}

fn address_text(address: MacAddress) -> String {
    match address {
        MacAddress::Short(short) => format!("{:04x}", short.0),
        MacAddress::Extended(eui64) => eui64.to_string(),
    }
}

fn modulation(tx: &TxParameters) -> String {
    String::from(match tx.modulation {
        Modulation::Robo => "robo",
        Modulation::Bpsk => "bpsk",
        Modulation::Qpsk => "qpsk",
        Modulation::Psk8 => "8psk",
        Modulation::Qam16 => "16qam",
    })
}

const fn lost(loss: PhyLoss) -> &'static str {
    match loss {
        PhyLoss::Header => "header",
        PhyLoss::Unsupported => "unsupported",
        PhyLoss::Payload => "payload",
    }
}
