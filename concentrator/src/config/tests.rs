use super::*;
use crate::tasks::TaskKind;
use dlms::cosem::LogicalName;
use proptest::prelude::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("c.toml")).map_err(|errors| errors.to_string())
}

fn meter(id: &str, eui64: u64) -> String {
    format!(
        "[[meter]]\nid = {id:?}\neui64 = \"{eui64:016x}\"\npsk = \"{KEY}\"\nencryption_key = \"{KEY}\"\nauthentication_key = \"{KEY}\"\n"
    )
}

#[test]
fn the_printed_file_gives_the_defaults() {
    assert_eq!(parse(&Config::default().to_toml()), Ok(Config::default()));
    assert_eq!(parse(""), Ok(Config::default()));
}

#[test]
fn the_printed_file_explains_every_key() {
    let template = Config::default().to_toml();
    let text = meter("a", 1);
    let (_, findings) = Config::examine(&text, Path::new(""));
    assert!(findings.known.len() > 12, "{:?}", findings.known);
    for key in findings.known {
        let leaf = key.rsplit('.').next().unwrap();
        let lines: Vec<_> = template.lines().collect();
        let at =
            lines.iter().position(|line| line.trim_start_matches('#').starts_with(&format!("{leaf} = ")));
        let at = at.unwrap_or_else(|| panic!("{key} is not in the template"));
        assert!(lines[at - 1].starts_with("# "), "{key} is not explained");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = "[grpc]\nlisten = \"here\"\n[collector]\nretries = 99\ncapture_period_s = 7000\nperiod = 1\n[plc]\npan_id = 0x0300\n[extra]\n";
    let expected = "configuration c.toml
  line 2: grpc.listen = \"here\": expected an address and a port, such as \"127.0.0.1:50051\"
  line 4: collector.retries = 99: expected a number, 0 to 20
  line 5: collector.capture_period_s = 7000: expected seconds that divide a day, 60 to 86400
  line 6: collector.period: unknown key, expected one of capture_period_s, read_delay_s, retries, parallel_sessions, set_clocks, set_clocks_within_s, clock_trusted_file
  line 8: plc.pan_id = 0x0300: expected a number up to 0xfcff with the bits 0x0300 clear
  line 9: extra: unknown key, expected one of store, grpc, backhaul, plc, collector, metrics, log, jobs, meter, meters_file, task";
    assert_eq!(parse(text).unwrap_err(), expected);
}

#[test]
fn a_value_of_the_wrong_type_and_a_missing_file_are_one_line() {
    assert_eq!(
        parse("store = 5").unwrap_err(),
        "configuration c.toml: line 1: store: expected a table [store]"
    );
    let error = Config::load(Path::new("/nowhere/c.toml")).unwrap_err().to_string();
    assert_eq!(
        error,
        "configuration /nowhere/c.toml: No such file or directory (os error 2); expected a readable file"
    );
}

#[test]
fn a_front_end_is_a_socket_by_path_or_by_address() {
    for good in ["unix:/run/x.sock", "tcp:[::1]:7000", "tcp:afe.local:7000"] {
        assert_eq!(parse(&format!("[plc]\nfront_end = {good:?}")).unwrap().plc.front_end, good);
    }
    for bad in ["", "unix:x.sock", "tcp:host", "tcp::7", "tcp:h:0", "spi:/dev/spidev0.0"] {
        assert!(parse(&format!("[plc]\nfront_end = {bad:?}")).is_err(), "{bad}");
    }
}

#[test]
fn a_meter_takes_its_title_from_its_address_when_none_is_given() {
    let config = parse(&(meter("b", 2) + "system_title = \"4d4d4d0000000001\"\n" + &meter("a", 1))).unwrap();
    let keys: [u8; 16] = std::array::from_fn(|i| i as u8);
    assert_eq!(config.meters.len(), 2);
    assert_eq!((config.meters[0].id.as_str(), config.meters[0].psk), ("a", Key128(keys)));
    assert_eq!(config.meters[0].system_title, 1u64.to_be_bytes());
    assert_eq!(config.meters[1].system_title, *b"MMM\0\0\0\0\x01");
}

#[test]
fn a_wrong_key_is_named_and_never_shown() {
    let text = meter("a", 1).replacen(KEY, "5ec2e7", 1);
    let error = parse(&text).unwrap_err();
    assert!(error.contains("line 4: meter.psk (value not shown): expected 32 hexadecimal digits"), "{error}");
    assert!(!error.contains("5ec2e7"));
    assert!(!format!("{:?}", parse(&meter("a", 1)).unwrap()).contains("15"));
}

#[test]
fn a_device_in_the_place_of_a_file_is_refused_and_not_read() {
    let said = [
        parse(&meter("a", 1).replacen(KEY, "file:/dev/zero", 1)),
        parse("meters_file = \"/dev/zero\"\n"),
        parse("[backhaul]\naddress = \"https://head-end.example:50052\"\nauthority = \"/dev/zero\"\n"),
        Config::load(Path::new("/dev/zero")).map_err(|error| error.to_string()),
    ];
    let expected = [
        "meter.psk (value not shown)",
        "meters_file = \"/dev/zero\"",
        "backhaul.authority",
        "it is a device",
    ];
    for (said, expected) in said.into_iter().zip(expected) {
        let said = said.unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn of_thousands_of_faults_the_first_are_named_and_the_others_are_counted() {
    let text: String = (0..2000).map(|n| format!("unknown_{n} = {:?}\n", "x".repeat(20))).collect();
    let said = parse(&text).unwrap_err();
    assert!(said.len() < 10_000, "{}", said.len());
    assert!(
        said.contains("unknown_19") && !said.contains("unknown_20") && said.ends_with("and 1980 more"),
        "{said}"
    );
    let one = parse(&format!("unknown = {:?}", "x".repeat(20_000))).unwrap_err();
    assert!(one.len() < 600, "{one}");
}

#[test]
fn ids_and_addresses_are_unique_across_both_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("meters.toml"), meter("a", 2) + &meter("c", 1) + "typo = 1\n").unwrap();
    let path = folder.path().join("c.toml");
    let text = String::from("meters_file = \"meters.toml\"\n") + &meter("a", 1);
    let errors = Config::parse(&text, &path).unwrap_err().errors;
    let texts: Vec<_> = errors.iter().map(|e| e.text.rsplit_once("meters.toml: ").unwrap().1).collect();
    assert_eq!(texts, [
        "line 1: meter.id = \"a\": given twice, expected each id once",
        "line 7: meter.eui64 = 0000000000000001: given twice, expected each address once",
        "line 13: meter.typo: unknown key, expected one of id, eui64, psk, encryption_key, authentication_key, master_key, one_way, system_title",
    ].map(str::to_owned).as_slice());
}

#[test]
fn a_key_may_stand_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("psk"), format!("{KEY}\n")).unwrap();
    let path = folder.path().join("c.toml");
    let config = Config::parse(&meter("a", 1).replacen(KEY, "file:psk", 1), &path).unwrap();
    assert_eq!(config.meters[0].psk.0[15], 15);
    assert!(Config::parse(&meter("a", 1).replacen(KEY, "file:none", 1), &path).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\[\\[?(plc|meter|store|log)\\]\\]?\n|(id|path|level|pan_id|psk)( = |=)(\"[^\n]{0,9}|-?[0-9a-fx_]{1,24}|\\[|\\{)|\n|.){0,12}") {
        let _ = Config::parse(&text, Path::new("c.toml"));
    }

    #[test]
    fn what_is_printed_is_read_back(
        path in "/[a-zA-Z0-9 \"'é/._-]{1,30}", port: u16, pan in 0u16..0xFFFF, divisor in 0usize..5,
        delay in 0u64..86_400, retries in 0u8..=20, parallel in 1u16..=64, set_clocks: bool,
        guard in (0usize..=100_000, 0usize..=1000, 0usize..=100, 0usize..=100, 1usize..=100_000, 1usize..=64),
    ) {
        let mut config = Config { store_path: path.into(), listen: ([10, 0, 0, 1], port).into(), ..Config::default() };
        config.plc.pan_id = PanId(pan & 0xFCFF);
        let (approval_above, canary, failed_percent, lost_percent, meters_max, in_hand) = guard;
        config.guard = Guard { approval_above, canary, failed_percent, lost_percent, meters_max, in_hand };
        config.collector = CollectorConfig {
            capture_period: Duration::from_secs([60, 300, 900, 3600, 86_400][divisor]),
            read_delay: Duration::from_secs(delay), retries, parallel_sessions: parallel, set_clocks,
            set_clocks_within: Duration::from_secs(delay + 1),
            clock_trusted_file: set_clocks.then(|| "/run/\"x".into()),
        };
        prop_assert_eq!(parse(&config.to_toml()), Ok(config));
    }
}

#[test]
fn a_head_end_needs_certificates_or_this_machine_and_the_word() {
    let folder = tempfile::tempdir().unwrap();
    let boxes = ["box-1", "box-2"].map(String::from);
    crate::pki::init(folder.path(), &[String::from("h")], &boxes, &[]).unwrap();
    let path = folder.path().join("c.toml");
    let parse = |text: &str| Config::parse(&format!("[backhaul]\n{text}\n"), &path);
    let tls =
        "authority = \"ca.pem\"\ncertificate = \"box-1.pem\"\nkey = \"box-1.key\"\nbox_id = \"box-1\"\n";
    let config = parse(&format!("{tls}head_end = \"https://h:1\"\norder = \"newest-first\"")).unwrap();
    let backhaul = config.backhaul.unwrap();
    assert!(backhaul.tls.is_some() && config.limits.head_end);
    assert_eq!((backhaul.box_id.as_str(), backhaul.order), ("box-1", ::backhaul::Order::NewestFirst));
    assert!(!Config::default().limits.head_end, "without a head-end nobody acknowledges");
    let plain = "box_id = \"box-1\"\nplain_text = true\nhead_end = \"http://127.0.0.1:1\"";
    assert!(parse(plain).unwrap().backhaul.unwrap().tls.is_none());
    for bad in [
        "box_id = \"b\"\nhead_end = \"https://h:1\"",
        "box_id = \"b\"\nhead_end = \"http://127.0.0.1:1\"",
        "box_id = \"b\"\nplain_text = true\nhead_end = \"http://192.0.2.1:1\"",
        &format!("{tls}head_end = \"http://h:1\""),
        "plain_text = true\nhead_end = \"http://127.0.0.1:1\"",
    ] {
        let error = parse(bad).unwrap_err().to_string();
        assert!(error.contains("backhaul: expected "), "{bad}: {error}");
    }
    let strange = parse(&format!("{tls}head_end = \"https://h:1\"").replace("box-1.key", "box-2.key"));
    let strange = strange.unwrap_err().to_string();
    assert!(
        strange.contains("line 1: backhaul: certificate and key: ") && strange.contains("; expected"),
        "{strange}"
    );
}

#[test]
fn every_key_that_can_be_different_is_told_with_both_values_and_what_it_takes() {
    let old = parse(&meter("a", 1)).unwrap();
    let text = |lines: &str| format!("{lines}\n{}", meter("a", 1));
    for (lines, said) in [
        (
            "[store]\npath = \"/x\"",
            "store.path: /var/lib/concentrator/concentrator.sqlite -> /x (needs a restart of the daemon)",
        ),
        ("[store]\nmax_mb = 77", "store.max_mb: 2048 -> 77 (opens the power line anew)"),
        (
            "[grpc]\nlisten = \"127.0.0.1:7\"",
            "grpc.listen: 127.0.0.1:50051 -> 127.0.0.1:7 (needs a restart of the daemon)",
        ),
        ("[plc]\npan_id = 0x2001", "plc.pan_id: 0x1001 -> 0x2001 (opens the power line anew)"),
        ("[collector]\nretries = 9", "collector.retries: 3 -> 9 (opens the power line anew)"),
        (
            "[metrics]\nlisten = \"127.0.0.1:9\"",
            "metrics.listen: none -> 127.0.0.1:9 (needs a restart of the daemon)",
        ),
        ("[log]\nlevel = \"debug\"", "log.level: info -> debug (at once)"),
        ("[jobs]\napproval_above = 3", "jobs.approval_above: 10 -> 3 (at once)"),
        ("[jobs]\nat_the_same_time = 4", "jobs.at_the_same_time: 8 -> 4 (at once)"),
        ("[log]\nformat = \"json\"", "log.format: text -> json (needs a restart of the daemon)"),
    ] {
        let changes = old.changes(&parse(&text(lines)).unwrap());
        assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
    }
    assert_eq!(old.changes(&old), []);
}

#[test]
fn meters_that_come_go_or_change_are_named_and_their_keys_are_not() {
    let old = parse(&format!("{}{}", meter("a", 1), meter("b", 2))).unwrap();
    let other_key = meter("b", 2).replace(KEY, "ff0102030405060708090a0b0c0d0eff");
    let new = parse(&format!("{other_key}{}", meter("c", 3))).unwrap();
    let said: Vec<_> = old.changes(&new).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "meter 0000000000000001 a: expected -> removed (opens the power line anew)",
            "meter 0000000000000002 b: keys or title -> others (not shown) (opens the power line anew)",
            "meter 0000000000000003 c: unknown -> expected (opens the power line anew)",
        ]
    );
    let renamed = parse(&format!("{}{}", meter("z", 1), meter("b", 2))).unwrap();
    assert_eq!(
        old.changes(&renamed)[0].to_string(),
        "meter 0000000000000001 z: a -> z (opens the power line anew)"
    );
}

#[test]
fn every_key_of_the_file_is_among_those_that_are_compared() {
    let template = Config::default();
    let (_, findings) = Config::examine("", Path::new(""));
    let compared: Vec<_> = template.rows().into_iter().map(|(key, ..)| key).collect();
    for key in findings.known {
        let file = [
            "grpc.authority",
            "grpc.certificate",
            "grpc.key",
            "backhaul.authority",
            "backhaul.certificate",
            "backhaul.key",
            "backhaul.plain_text",
            "meters_file",
        ];
        // What a task is, is compared as a whole.
        let task = key.starts_with("task.");
        assert!(
            task || compared.contains(&key.as_str()) || file.contains(&key.as_str()),
            "{key} is not compared"
        );
    }
}

#[test]
fn what_is_shown_of_a_configuration_holds_no_key() {
    let config = parse(&format!("[collector]\nretries = 5\n{}", meter("a", 1))).unwrap();
    let shown = config.shown();
    assert!(shown.contains(&("collector.retries".into(), "5".into())), "{shown:?}");
    let last = shown.last().unwrap();
    assert_eq!(last.0, "meter.0000000000000001");
    assert_eq!(last.1, "a, system title 0000000000000001, keys not shown");
    assert!(!format!("{shown:?}").contains(KEY));
}

#[test]
fn plain_text_is_for_this_machine_and_certificates_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let boxes = ["a", "b"].map(String::from);
    crate::pki::init(folder.path(), &[String::from("h")], &boxes, &[]).unwrap();
    let parse = |text: &str| Config::parse(text, &folder.path().join("c.toml"));
    let said = |text: &str| parse(text).unwrap_err().to_string();
    assert_eq!(parse("").unwrap().access, None);
    assert_eq!(parse("[grpc]\nplain_text = true\n").unwrap().access, Some(Access::PlainText));
    let everywhere = said("[grpc]\nlisten = \"0.0.0.0:1\"\nplain_text = true\n");
    assert!(everywhere.contains("line 1: grpc: expected plain_text = true only with"), "{everywhere}");
    let half = said("[grpc]\nauthority = \"a.pem\"\n");
    assert!(half.contains("expected authority, certificate and key together"), "{half}");
    let both =
        said("[grpc]\nauthority = \"a.pem\"\ncertificate = \"a.pem\"\nkey = \"a.pem\"\nplain_text = true\n");
    assert!(both.contains("and not plain_text = true"), "{both}");
    let text =
        "[grpc]\nlisten = \"0.0.0.0:1\"\nauthority = \"ca.pem\"\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
    assert!(matches!(parse(text).unwrap().access, Some(Access::Mutual(_))));
    for (right, wrong, of) in [
        ("a.key", "b.key", "certificate and key"),
        ("a.key", "a.pem", "key"),
        ("ca.pem", "a.key", "authority"),
    ] {
        let strange = said(&text.replace(right, wrong));
        assert!(
            strange.contains(&format!("line 1: grpc: {of}: ")) && strange.contains("; expected"),
            "{strange}"
        );
    }
}

#[test]
fn tasks_have_their_defaults_and_everything_that_is_wrong_with_one_is_said() {
    let text = |task: &str| format!("[[task]]\nname = \"a\"\n{task}\n{}", meter("flat", 1));
    let config = parse(&text("read = \"events\"\nevery_s = 900")).unwrap();
    let plan = &config.tasks[0];
    assert_eq!((plan.kind, plan.period.as_secs(), plan.deadline.as_secs()), (TaskKind::Events, 900, 900));
    assert_eq!(plan.objects().len(), 5);
    let config = parse(&text(
        "read = \"instant\"\nobjects = [\"1-0:32.7.0*255\"]\nmeters = [\"flat\"]\npriority = 7\noffset_s = 60",
    ));
    let plan = config.unwrap().tasks.remove(0);
    assert_eq!(plan.objects(), [LogicalName([1, 0, 32, 7, 0, 255])]);
    assert_eq!((plan.meters, plan.priority, plan.offset.as_secs()), (vec!["flat".to_owned()], 7, 60));
    for (task, said) in [
        ("", "line 1: task.read: missing"),
        ("read = \"weather\"", "task.read = \"weather\": expected \"instant\""),
        ("read = \"instant\"\nobjects = [\"x\"]", "task.objects = […]: expected a list of logical names"),
        ("read = \"instant\"\nmeters = [\"other\"]", "task.meters = \"other\": expected the id"),
        ("read = \"instant\"\nevery_s = 59", "task.period 59 s: expected"),
        ("read = \"clock\"\nattempts = 0", "task.attempts = 0: expected a number, 1 to 20"),
        ("read = \"clock\"\ntypo = 0", "task.typo: unknown key"),
        ("read = \"clock\"\n[[task]]\nname = \"a\"\nread = \"clock\"", "task.name = \"a\": given twice"),
    ] {
        let error = parse(&text(task)).unwrap_err().to_string();
        assert!(error.contains(said), "{task}: {error}");
    }
    let deaf = format!("{}one_way = true\n", text("read = \"clock\"\nmeters = [\"flat\"]"));
    let error = parse(&deaf).unwrap_err().to_string();
    assert!(error.contains("task.meters = \"flat\": expected meters that can be asked"), "{error}");
}

#[test]
fn a_task_that_comes_goes_or_changes_is_told() {
    let text = |task: &str| parse(&format!("{task}\n{}", meter("flat", 1))).unwrap();
    let task = "[[task]]\nname = \"a\"\nread = \"clock\"\n";
    let said =
        |old: &Config, new: &Config| old.changes(new).iter().map(ToString::to_string).collect::<Vec<_>>();
    let (none, one, other) = (text(""), text(task), text(&format!("{task}priority = 3")));
    let come = &said(&none, &one)[0];
    assert!(come.starts_with("task a: none -> clock of all, usual objects, every 3600 s"), "{come}");
    assert!(said(&one, &other)[0].contains("priority 120") && said(&one, &other)[0].contains("priority 3,"));
    assert_eq!(said(&one, &one).len(), 0);
}
