//! `concentrator topology` and `concentrator capture`: the network and what goes by on its line.

use super::dial::{dial, refused};
use super::print::{self, Column, Row, Table, address};
use super::{CaptureArgs, TopologyArgs};
use anyhow::Context;
use concentrator_proto::v1;
use concentrator_proto::v1::capture_response::Frame;
use concentrator_proto::v1::network_client::NetworkClient;
use plc_core::Utc;
use plc_core::sap::{Lqi, Modulation, ModulationScheme, Psdu, ToneMap, TxParameters};
use plc_node::{FrameBody, Pcapng};
use serde_json::json;
use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;
use tonic::{Code, Streaming};

pub(super) async fn topology(args: &TopologyArgs) -> anyhow::Result<()> {
    let mut client = NetworkClient::new(dial(&args.client).await?);
    let json = args.client.json;
    if args.links {
        let answer = client.list_links(v1::ListLinksRequest {}).await.map_err(refused)?.into_inner();
        return print_all(Table::new(json, LINK), answer.links.iter().map(link));
    }
    if args.routes {
        let answer = client.list_routes(v1::ListRoutesRequest {}).await.map_err(refused)?.into_inner();
        return print_all(Table::new(json, ROUTE), answer.routes.iter().map(route));
    }
    let answer = client.topology(v1::TopologyRequest {}).await.map_err(refused)?.into_inner();
    print_all(Table::new(json, print::NODE), answer.nodes.iter().map(print::node))
}

fn print_all(mut table: Table, mut rows: impl Iterator<Item = Row>) -> anyhow::Result<()> {
    rows.try_for_each(|row| table.row(row))?;
    Ok(table.finish()?)
}

/// Where frames go.
enum Sink {
    Lines(Table),
    File(Pcapng, File),
}

impl Sink {
    fn open(args: &CaptureArgs) -> anyhow::Result<Self> {
        let Some(path) = &args.out else { return Ok(Self::Lines(Table::new(args.client.json, FRAME))) };
        let file = File::create(path).with_context(|| format!("file {}", path.display()))?;
        Ok(Self::File(Pcapng::new(), file))
    }

    fn put(&mut self, captured: &v1::CaptureResponse) -> anyhow::Result<()> {
        match self {
            Self::Lines(table) => {
                table.row(frame(captured))?;
                table.flush()?;
            }
            Self::File(frames, file) => {
                if let Some(body) = body(captured) {
                    frames.add(captured.time_ns, &body);
                }
                // What is in the file is whole, whenever the concentrator or this command ends.
                file.write_all(&frames.take())?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Lines(table) => table.finish()?,
            Self::File(mut frames, mut file) => {
                file.write_all(&frames.take())?;
                file.sync_all()?;
            }
        }
        Ok(())
    }
}

/// Listens until there were enough frames, time is up, the concentrator stops, or SIGINT.
pub(super) async fn capture(args: &CaptureArgs) -> anyhow::Result<()> {
    let mut client = NetworkClient::new(dial(&args.client).await?);
    let request = v1::CaptureRequest { limit: args.frames };
    let mut frames = client.capture(request).await.map_err(refused)?.into_inner();
    let mut sink = Sink::open(args)?;
    let (mut count, mut missed) = (0u64, 0);
    let time = args.time.map_or(Duration::MAX, |seconds| Duration::from_secs(seconds.into()));
    let ended = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(()),
        () = tokio::time::sleep(time) => Ok(()),
        ended = fill(&mut frames, &mut sink, &mut count, &mut missed) => ended,
    };
    sink.finish()?;
    if args.out.is_some() || missed > 0 {
        writeln!(io::stderr(), "{count} frames, {missed} more were missed")?;
    }
    ended
}

async fn fill(
    frames: &mut Streaming<v1::CaptureResponse>,
    sink: &mut Sink,
    count: &mut u64,
    missed: &mut u64,
) -> anyhow::Result<()> {
    loop {
        match frames.message().await {
            Ok(Some(captured)) => {
                (*count, *missed) = (*count + 1, captured.missed);
                sink.put(&captured)?;
            }
            Ok(None) => return Ok(()),
            Err(status) if status.code() == Code::Unavailable => return Ok(()),
            Err(status) => return Err(refused(status)),
        }
    }
}

/// What of a frame has a place in a file.
fn body(captured: &v1::CaptureResponse) -> Option<FrameBody> {
    // The file does not hold how a frame was sent.
    let tx = TxParameters {
        modulation: Modulation::Robo,
        scheme: ModulationScheme::Differential,
        tone_map: ToneMap(0),
    };
    match captured.frame.as_ref()? {
        Frame::Data(data) => {
            let psdu = Psdu::from_slice(&data.psdu).ok()?;
            Some(FrameBody::Data { psdu, tx, response_expected: data.response_expected })
        }
        Frame::Ack(ack) => Some(FrameBody::Ack {
            fcs: u16::try_from(ack.fcs).ok()?,
            more_segments: ack.more_segments,
            negative: ack.negative,
        }),
        Frame::Lost(_) => None,
    }
}

const LINK: &[Column] = &[
    ("ADDR", -4),
    ("EUI64", -16),
    ("METER", -12),
    ("MODULATION", -10),
    ("TONES", 6),
    ("BACK-OFF dB", 11),
    ("HEARD dB", 8),
    ("VALID s", 7),
];

fn link(link: &v1::Link) -> Row {
    let scheme = if link.coherent { "coherent" } else { "differential" };
    let cells = vec![
        address(Some(link.short_address)),
        link.eui64.clone(),
        link.meter_id.clone(),
        format!("{}{}", if link.coherent { "coherent " } else { "" }, link.modulation),
        format!("{:06x}", link.tone_map),
        link.attenuation_db.to_string(),
        snr(Some(link.link_quality)),
        link.valid_s.to_string(),
    ];
    let json = json!({
        "short_address": link.short_address, "eui64": link.eui64, "meter_id": link.meter_id, "modulation": link.modulation,
        "scheme": scheme, "tone_map": link.tone_map, "attenuation_db": link.attenuation_db,
        "link_quality": link.link_quality, "valid_s": link.valid_s,
    });
    Row::new(cells, json)
}

const ROUTE: &[Column] = &[
    ("TO", -4),
    ("EUI64", -16),
    ("METER", -12),
    ("THROUGH", -7),
    ("HOPS", 4),
    ("COST", 5),
    ("WEAK", 4),
    ("USABLE", -6),
    ("EXPIRES s", 9),
    ("USED s AGO", 10),
];

fn route(route: &v1::Route) -> Row {
    let seconds = |millis: u64| (millis / 1000).to_string();
    let cells = vec![
        address(Some(route.destination)),
        route.eui64.clone(),
        route.meter_id.clone(),
        address(Some(route.next_hop)),
        route.hops.to_string(),
        route.cost.to_string(),
        route.weak_links.to_string(),
        String::from(if route.usable { "yes" } else { "no" }),
        seconds(route.expires_ms),
        route.used_ago_ms.map_or_else(String::new, seconds),
    ];
    let json = json!({
        "destination": route.destination, "eui64": route.eui64, "meter_id": route.meter_id, "next_hop": route.next_hop,
        "hops": route.hops, "cost": route.cost, "weak_links": route.weak_links, "usable": route.usable,
        "expires_ms": route.expires_ms, "used_ago_ms": route.used_ago_ms,
    });
    Row::new(cells, json)
}

const FRAME: &[Column] = &[
    ("TIME", -27),
    ("", -2),
    ("WHAT", -7),
    ("FROM", -16),
    ("TO", -16),
    ("OCTETS", 6),
    ("MODULATION", -10),
    ("TONES", -6),
    ("dB", 6),
];

fn frame(captured: &v1::CaptureResponse) -> Row {
    let direction = if captured.sent { "->" } else { "<-" };
    let empty = || vec![String::new(); 5];
    let (what, middle, json) = match &captured.frame {
        Some(Frame::Data(data)) => {
            let json = json!({
                "source": data.source, "destination": data.destination, "octets": data.psdu.len(), "modulation": data.modulation,
                "coherent": data.coherent, "tone_map": data.tone_map, "response_expected": data.response_expected,
                "segment": data.segment,
            });
            let middle = vec![
                data.source.clone(),
                data.destination.clone(),
                data.psdu.len().to_string(),
                data.modulation.clone(),
                format!("{:06x}", data.tone_map),
            ];
            ("data", middle, json)
        }
        Some(Frame::Ack(ack)) => {
            let what = if ack.negative { "nack" } else { "ack" };
            (what, empty(), json!({"fcs": ack.fcs, "more_segments": ack.more_segments}))
        }
        Some(Frame::Lost(loss)) => ("lost", empty(), json!({"loss": loss})),
        None => ("unknown", empty(), json!({})),
    };
    let mut cells = vec![time(captured.time_ns), direction.to_owned(), what.to_owned()];
    cells.extend(middle);
    cells.push(snr(captured.link_quality));
    let json = json!({
        "time_ns": captured.time_ns, "sent": captured.sent, "what": what, "link_quality": captured.link_quality,
        "frame": json, "missed": captured.missed,
    });
    Row::new(cells, json)
}

/// A time to the microsecond.
fn time(nanos: u64) -> String {
    let utc = Utc::from_secs(i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX)).to_string();
    format!("{}.{:06}Z", utc.trim_end_matches('Z'), nanos % 1_000_000_000 / 1000)
}

/// A ratio of signal to noise, by the code of the standard.
fn snr(code: Option<u32>) -> String {
    let code = code.and_then(|code| u8::try_from(code).ok());
    code.map_or_else(String::new, |code| format!("{:.2}", Lqi(code).snr_db()))
}
