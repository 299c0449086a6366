//! `concentrator ledger`: where every expected interval is, and whether another holds the same.

use super::LedgerArgs;
use super::dial::{dial, refused};
use super::print::{self, Column, Row, Table, time};
use crate::hex::hex;
use crate::uplink::wire;
use anyhow::{Context, bail, ensure};
use backhaul::Digested;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use concentrator_proto::v1;
use concentrator_proto::v1::ledger_client::LedgerClient;
use concentrator_proto::v1::meters_client::MetersClient;
use plc_core::time::Duration;
use plc_core::{Eui64, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use tonic::transport::Channel;

/// Exit code when the other does not hold the same.
const DIFFERENT: u8 = 6;

/// Of what there are digests, as a word of a command line.
pub fn digested() -> impl TypedValueParser<Value = Digested> {
    let words = PossibleValuesParser::new(Digested::ALL.map(Digested::as_str));
    words.try_map(|word| Digested::from_word(&word).ok_or("expected readings or values"))
}

pub(super) async fn ledger(args: &LedgerArgs) -> anyhow::Result<ExitCode> {
    let channel = dial(&args.client).await?;
    let mut client = LedgerClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER);
    if let Some(seconds) = args.digests {
        let bucket = Duration::from_secs(seconds);
        let wanted = match &args.against {
            Some(_) => Some(Wanted { meter: eui64_of(channel, args).await?, ..Wanted::new(args, bucket)? }),
            None => None,
        };
        let digests = digests(&mut client, args, bucket).await?;
        if let (Some(file), Some(wanted)) = (&args.against, &wanted) {
            return compare(args, digests, read(file, wanted)?);
        }
        let mut table = Table::new(args.client.json, print::digest_columns(args.of));
        digests.iter().try_for_each(|digest| table.row(print::digest(args.of, seconds * 1000, digest)))?;
        table.finish()?;
        return Ok(ExitCode::SUCCESS);
    }
    let (meter_id, from_ms, to_ms) = scope(args);
    let request = v1::LedgerListRequest { meter_id, from_ms, to_ms };
    let answer = client.list(request).await.map_err(refused)?.into_inner();
    let mut table = Table::new(args.client.json, print::LEDGER);
    answer.lines.iter().try_for_each(|line| table.row(print::ledger(line)))?;
    table.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn scope(args: &LedgerArgs) -> (String, Option<i64>, Option<i64>) {
    (args.meter.clone().unwrap_or_default(), args.from.map(Utc::as_millis), args.to.map(Utc::as_millis))
}

async fn digests(
    client: &mut LedgerClient<Channel>,
    args: &LedgerArgs,
    bucket: Duration,
) -> anyhow::Result<Vec<v1::RangeDigest>> {
    let (meter_id, from_ms, to_ms) = scope(args);
    let (bucket_ms, lot) = (bucket.as_secs() * 1000, wire::emit_digested(args.of).into());
    let limit = wire::DIGESTS_MAX;
    let mut request =
        v1::LedgerDigestsRequest { meter_id, from_ms, to_ms, bucket_ms, lot, limit, ..Default::default() };
    let mut digests = Vec::new();
    loop {
        let answer = client.digests(request.clone()).await.map_err(refused)?.into_inner();
        of_what_was_asked(args.of, &answer)?;
        digests.extend(answer.digests);
        match digests.last().filter(|_| answer.more) {
            None => return Ok(digests),
            Some(last) => (request.after_eui64, request.after_from_ms) = (last.eui64, Some(last.from_ms)),
        }
    }
}

/// A concentrator from before there were digests of values answers with those of readings, whatever it was asked for.
fn of_what_was_asked(of: Digested, answer: &v1::LedgerDigestsResponse) -> anyhow::Result<()> {
    let answered = wire::parse_digested(answer.lot)?;
    ensure!(
        answered == of,
        "the concentrator has answered with digests of {answered}; expected one of a version that has digests of {of}"
    );
    Ok(())
}

/// Readings or values of a range, and the sum over them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    count: u64,
    sum: String,
}

type Ranges = BTreeMap<(Eui64, i64), Held>;

fn compare(args: &LedgerArgs, digests: Vec<v1::RangeDigest>, theirs: Ranges) -> anyhow::Result<ExitCode> {
    let ours = digests.into_iter().map(|digest| {
        let sum = hex(&digest.sum);
        ((Eui64::from_u64(digest.eui64), digest.from_ms), Held { count: digest.count, sum })
    });
    let ours: Ranges = ours.collect();
    let mut table = Table::new(args.client.json, DIFFERENCE);
    let (mut same, mut gone, mut different) = (0u64, 0u64, 0u64);
    for range in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let verdict = Verdict::of(ours.get(range), theirs.get(range));
        match verdict {
            Verdict::Same => same += 1,
            Verdict::NotHere => gone += 1,
            Verdict::NotThere | Verdict::Different => different += 1,
        }
        if verdict != Verdict::Same {
            table.row(row(args.of, *range, ours.get(range), theirs.get(range), verdict))?;
        }
    }
    table.finish()?;
    writeln!(
        io::stderr(),
        "{same} ranges are the same, {gone} are held there alone, {different} are not held there as here"
    )?;
    Ok(if different == 0 { ExitCode::SUCCESS } else { DIFFERENT.into() })
}

/// What two ends hold of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// Only the other holds it, as when it was given up here to make room.
    NotHere,
    NotThere,
    Different,
}

impl Verdict {
    fn of(ours: Option<&Held>, theirs: Option<&Held>) -> Self {
        match (ours, theirs) {
            (None, _) => Self::NotHere,
            (Some(_), None) => Self::NotThere,
            (ours, theirs) if ours == theirs => Self::Same,
            _ => Self::Different,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::NotHere => "there-alone",
            Self::NotThere => "here-alone",
            Self::Different => "different",
        }
    }
}

/// Which of the other's digests are compared.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    of: Digested,
    meter: Option<Eui64>,
    from: Option<Utc>,
    to: Option<Utc>,
    bucket: Duration,
}

impl Wanted {
    /// Of all meters.
    fn new(args: &LedgerArgs, bucket: Duration) -> anyhow::Result<Self> {
        for (name, time) in [("--from", args.from), ("--to", args.to)] {
            let cut = time.filter(|time| time.floor(bucket) != *time);
            if let Some(time) = cut {
                let (before, seconds) = (time.floor(bucket), bucket.as_secs());
                bail!(
                    "{name} {time}: a bucket of {seconds} s begins at {before}; expected where one begins, for half of one cannot be compared"
                );
            }
        }
        Ok(Self { of: args.of, meter: None, from: args.from, to: args.to, bucket })
    }

    fn has(&self, (meter, from_ms): (Eui64, i64)) -> bool {
        self.meter.is_none_or(|wanted| wanted == meter)
            && self.from.is_none_or(|from| from_ms >= from.as_millis())
            && self.to.is_none_or(|to| from_ms < to.as_millis())
    }
}

/// The meter that is asked for: the digests of others name it by its EUI-64 alone.
async fn eui64_of(channel: Channel, args: &LedgerArgs) -> anyhow::Result<Option<Eui64>> {
    let Some(meter_id) = args.meter.clone() else { return Ok(None) };
    let answer =
        MetersClient::new(channel).explain(v1::ExplainRequest { meter_id }).await.map_err(refused)?;
    Ok(Eui64::parse_hex(&answer.into_inner().eui64))
}

/// The digests of a file that are wanted, one JSON object per line.
fn read(file: &Path, wanted: &Wanted) -> anyhow::Result<Ranges> {
    let text = crate::bounded::piped_text(file).with_context(|| format!("file {}", file.display()))?;
    let mut ranges = Ranges::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (range, held) =
            of_line(line, wanted).with_context(|| format!("file {}, line {}", file.display(), number + 1))?;
        if wanted.has(range) {
            ranges.insert(range, held);
        }
    }
    Ok(ranges)
}

fn of_line(line: &str, wanted: &Wanted) -> anyhow::Result<((Eui64, i64), Held)> {
    let Line { of, bucket_ms, range, held } = parse(line).context(
        "expected a digest such as {\"of\":\"readings\",\"eui64\":\"02514d0000000001\",\"from_ms\":0,\"bucket_ms\":86400000,\"count\":96,\"sum\":\"…\"}",
    )?;
    let Wanted { of: here, bucket, .. } = *wanted;
    ensure!(of == here, "a digest of {of}; expected digests of {here}, as on this side (--of)");
    let seconds = bucket.as_secs();
    let fits = bucket_ms.map_or(range.1.rem_euclid(bucket.as_millis() as i64) == 0, |ms| {
        u128::from(ms) == bucket.as_millis()
    });
    ensure!(fits, "a digest of another bucket; expected buckets of {seconds} s, as on this side (--digests)");
    Ok((range, held))
}

/// A digest of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// Of readings where it does not say so.
    of: Digested,
    /// Older ones do not say it.
    bucket_ms: Option<u64>,
    range: (Eui64, i64),
    held: Held,
}

fn parse(line: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(line).ok()?;
    let of = value.get("of").map_or(Some(Digested::Readings), |of| Digested::from_word(of.as_str()?))?;
    let bucket_ms = value.get("bucket_ms").map_or(Some(None), |bucket| Some(Some(bucket.as_u64()?)))?;
    let meter = Eui64::parse_hex(value.get("eui64")?.as_str()?)?;
    let held = Held { count: value.get("count")?.as_u64()?, sum: value.get("sum")?.as_str()?.to_owned() };
    Some(Line { of, bucket_ms, range: (meter, value.get("from_ms")?.as_i64()?), held })
}

const DIFFERENCE: &[Column] = &[("EUI64", -16), ("FROM", -20), ("HERE", 6), ("THERE", 6), ("VERDICT", -11)];

fn row(
    of: Digested,
    (meter, from_ms): (Eui64, i64),
    ours: Option<&Held>,
    theirs: Option<&Held>,
    verdict: Verdict,
) -> Row {
    let count = |held: Option<&Held>| held.map_or(0, |held| held.count);
    let sum = |held: Option<&Held>| held.map(|held| held.sum.clone());
    let cells = vec![
        meter.to_string(),
        time(Some(from_ms)),
        count(ours).to_string(),
        count(theirs).to_string(),
        verdict.as_str().to_owned(),
    ];
    let json = json!({
        "of": of.as_str(), "eui64": meter.to_string(), "from_ms": from_ms, "here": count(ours), "there": count(theirs), "sum_here": sum(ours),
        "sum_there": sum(theirs), "verdict": verdict.as_str(),
    });
    Row::new(cells, json)
}

/// Octets of an answer of the ledger at most.
const MAX_ANSWER: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn held(count: u64, sum: &str) -> Held {
        Held { count, sum: sum.to_owned() }
    }

    #[test]
    fn what_the_other_lacks_or_holds_otherwise_is_a_difference_and_what_was_given_up_here_is_none() {
        let (day, other) = (held(96, "ab"), held(96, "ac"));
        assert_eq!(Verdict::of(Some(&day), Some(&day)), Verdict::Same);
        assert_eq!(Verdict::of(Some(&day), Some(&other)), Verdict::Different);
        assert_eq!(Verdict::of(Some(&day), Some(&held(95, "ab"))), Verdict::Different);
        assert_eq!(Verdict::of(Some(&day), None), Verdict::NotThere);
        assert_eq!(Verdict::of(None, Some(&day)), Verdict::NotHere);
    }

    #[test]
    fn a_line_is_a_digest_or_is_refused() {
        let line = r#"{"eui64":"02514d0000000001","from_ms":86400000,"count":96,"sum":"00ff"}"#;
        let range = (Eui64::from_u64(0x0251_4d00_0000_0001), 86_400_000);
        let old = Line { of: Digested::Readings, bucket_ms: None, range, held: held(96, "00ff") };
        assert_eq!(parse(line), Some(old.clone()), "as older ones wrote it");
        for of in Digested::ALL {
            let named = line.replacen('{', &format!(r#"{{"of":"{of}","bucket_ms":900000,"#), 1);
            assert_eq!(parse(&named), Some(Line { of, bucket_ms: Some(900_000), ..old.clone() }), "{named}");
        }
        for bad in [
            "",
            "{}",
            "[]",
            "x",
            r#"{"eui64":"2","from_ms":0,"count":1,"sum":"00"}"#,
            &line.replace("96", "-1"),
            &line.replacen('{', r#"{"of":"events","#, 1),
            &line.replacen('{', r#"{"of":7,"#, 1),
            &line.replacen('{', r#"{"bucket_ms":-7,"#, 1),
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    fn wanted(hours: u64) -> Wanted {
        Wanted {
            of: Digested::Readings,
            meter: None,
            from: None,
            to: None,
            bucket: Duration::from_secs(hours * 3600),
        }
    }

    #[test]
    fn digests_of_other_buckets_are_refused_and_not_called_different() {
        let line = |bucket: &str| {
            format!(r#"{{"eui64":"02514d0000000001","from_ms":7200000,{bucket}"count":96,"sum":"00ff"}}"#)
        };
        let said = r#""bucket_ms":3600000,"#;
        assert!(of_line(&line(said), &wanted(1)).is_ok());
        assert!(of_line(&line(""), &wanted(1)).is_ok() && of_line(&line(""), &wanted(2)).is_ok());
        for (bucket, hours) in [(said, 2), ("", 24)] {
            let error = of_line(&line(bucket), &wanted(hours)).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "a digest of another bucket; expected buckets of {} s, as on this side (--digests)",
                    hours * 3600
                )
            );
        }
    }

    #[test]
    fn of_the_other_only_what_is_asked_for_here_is_compared() {
        let meter = Eui64::from_u64(7);
        let only = Wanted {
            meter: Some(meter),
            from: Some(Utc::from_secs(3600)),
            to: Some(Utc::from_secs(7200)),
            ..wanted(1)
        };
        assert!(only.has((meter, 3_600_000)) && !only.has((meter, 0)) && !only.has((meter, 7_200_000)));
        assert!(!only.has((Eui64::from_u64(8), 3_600_000)));
        assert!(wanted(1).has((Eui64::from_u64(8), 0)));
    }

    #[test]
    fn an_answer_of_an_older_concentrator_is_not_taken_for_digests_of_values() {
        let old = v1::LedgerDigestsResponse::default();
        assert!(of_what_was_asked(Digested::Readings, &old).is_ok());
        let error = of_what_was_asked(Digested::Values, &old).unwrap_err().to_string();
        assert!(
            error.contains("digests of readings; expected") && error.ends_with("digests of values"),
            "{error}"
        );
        let new = v1::LedgerDigestsResponse { lot: v1::Lot::Values.into(), ..old };
        assert!(of_what_was_asked(Digested::Values, &new).is_ok());
    }
}
