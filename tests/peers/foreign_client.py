"""The foreign client reads our meter."""

import datetime as dt

from bench import equal, refused, within
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydlms import (
    AccessGet,
    AccessSet,
    DlmsClient,
    DlmsData,
    GeneralAad,
    Mechanism,
    SecurityContext,
)
from pydlms.apdu.xdlms import entry_descriptor, range_descriptor
from pydlms.security.general import ONE_PASS_DH, STATIC_UNIFIED_MODEL, KeyInfo

ENERGY = "1.0.1.8.0.255"
CLOCK = "0.0.1.0.0.255"
NAME = "0.0.42.0.0.255"
PROFILE = "1.0.99.1.0.255"
REGISTER, CLOCK_CLASS, PROFILE_CLASS = 3, 8, 7
MECHANISMS = {
    "none": Mechanism.NONE,
    "lls": Mechanism.LLS,
    "hls-sha256": Mechanism.HLS_SHA256,
    "hls-gmac": Mechanism.HLS_GMAC,
    "hls-ecdsa": Mechanism.HLS_ECDSA,
}


class Foreign:
    """Builds clients for the associations of a meter."""

    def __init__(self, meter, link, pem):
        self.meter, self.link, self.pem = meter, link, pem

    def client(self, number, counter=None, **settings):
        planned = self.meter.clients[number]
        settings.setdefault("mechanism", MECHANISMS[planned["authentication"]])
        if "password" in planned:
            settings.setdefault("password", planned["password"])
        if "suite" in planned:
            settings.setdefault("security", self.security(planned, counter or 1))
            settings["discover_invocation_counter"] = counter is None
        elif planned["authentication"].startswith("hls"):
            settings["client_system_title"] = bytes.fromhex(self.meter.plan["client_title"])
        if planned["authentication"] == "hls-ecdsa":
            settings["signing_key"] = self.private(number, "signing")
            settings["server_public_key"] = self.public(number, "signing")
        return DlmsClient.tcp(
            "127.0.0.1",
            self.meter.port(self.link),
            hdlc=self.link == "hdlc",
            client_sap=number,
            timeout=20,
            **settings,
        )

    def security(self, planned, counter, **changes):
        number = planned["client"]
        pairs = {}
        if planned["suite"] > 0:
            pairs["signing_key"] = self.private(number, "signing")
            pairs["peer_signing_key"] = self.public(number, "signing")
            pairs["key_agreement_key"] = self.private(number, "agreement")
            pairs["peer_key_agreement_key"] = self.public(number, "agreement")
        known = {**pairs, **changes}
        return SecurityContext(
            bytes.fromhex(planned["encryption_key"]),
            bytes.fromhex(planned["authentication_key"]),
            client_system_title=bytes.fromhex(self.meter.plan["client_title"]),
            invocation_counter=counter,
            suite=planned["suite"],
            master_key=bytes.fromhex(planned["master_key"]),
            general_aad=GeneralAad.WITH_HEADER,
            **known,
        )

    def private(self, number, use):
        return load_pem_private_key((self.pem / f"client-{number}-{use}.key").read_bytes(), None)

    def public(self, number, use):
        return load_pem_public_key((self.pem / f"meter-{number}-{use}.pub").read_bytes())


def energy(client):
    """Import in watt-hours, as the foreign client scales it."""
    return float(client.get_register(ENERGY).value)


def octets(value):
    return bytes(value.value)


def run(results, meter, pem):
    for link in ("wrapper", "hdlc"):
        foreign = Foreign(meter, link, pem)
        cases = Cases(results, foreign, link)
        cases.public()
        cases.password()
        cases.hashed()
        cases.authenticated_encryption()
        cases.signatures()
        cases.several_at_once()


class Cases:
    def __init__(self, results, foreign, link):
        self.results, self.foreign, self.link = results, foreign, link

    def case(self, security, name, check):
        self.results.case("pydlms client", self.link, security, name, check)

    def opened(self, security, name, number, check, **settings):
        def carried_out():
            with self.foreign.client(number, **settings) as client:
                return check(client)

        self.case(security, name, carried_out)

    def public(self):
        name = self.foreign.meter.plan["logical_device"].encode()
        self.opened("public", "logical device name", 16, lambda c: equal(octets(c.get(NAME)), name, "name"))
        self.opened("public", "clock", 16, clock_is_right)
        self.opened("public", "object list", 16, lists_objects)
        self.opened("public", "energy is not shown", 16, lambda c: refused(lambda: energy(c), "undefined|denied"))
        self.opened("public", "clock is not set", 16, lambda c: refused(lambda: set_clock(c), "denied"))

    def password(self):
        self.opened("LLS", "energy", 17, lambda c: f"{within(energy(c), 1, 1e9, 'energy') or energy(c)} Wh")
        self.opened("LLS", "day of rows", 17, reads_a_day)
        self.opened("LLS", "range of rows", 17, reads_a_range)
        self.opened("LLS", "entries and columns", 17, reads_entries)
        self.opened("LLS", "list of ten", 17, reads_a_list)
        self.opened("LLS", "blocks of 128 octets", 17, reads_a_day, max_receive_pdu_size=128)
        self.opened("LLS", "general blocks", 17, reads_a_day, propose_gbt=True, max_receive_pdu_size=256)
        self.opened(
            "LLS", "general blocks, window 4", 17, reads_a_day, propose_gbt=True, gbt_window=4,
            max_receive_pdu_size=256,
        )
        self.opened("LLS", "access service", 17, uses_access, propose_access=True)
        self.opened("LLS", "clock is not set", 17, lambda c: refused(lambda: set_clock(c), "denied"))
        wrong = lambda: self.foreign.client(17, password="87654321").connect()  # noqa: E731
        self.case("LLS", "wrong password", lambda: refused(wrong, "authentication"))

    def hashed(self):
        self.opened("HLS-SHA-256", "energy", 2, lambda c: f"{within(energy(c), 1, 1e9, 'energy') or energy(c)} Wh")
        wrong = lambda: self.foreign.client(2, password="87654321").connect()  # noqa: E731
        self.case("HLS-SHA-256", "wrong secret", lambda: refused(wrong, "."))

    def authenticated_encryption(self):
        forms = {
            "glo": {},
            "general-glo": {"protection": "general-glo"},
            "dedicated": {"use_dedicated_key": True},
            "general-ded": {"protection": "general-glo", "use_dedicated_key": True},
            "general-ciphering": {"protection": "general-ciphering"},
            "general-ciphering, wrapped key": {"protection": "general-ciphering", "key_info": KeyInfo("wrapped")},
        }
        for form, settings in forms.items():
            self.opened("GMAC suite 0", f"energy, {form}", 1, same_as_in_the_clear(self.foreign), **settings)
        self.opened("GMAC suite 0", "day of rows", 1, reads_a_day)
        self.opened("GMAC suite 0", "general blocks", 1, reads_a_day, propose_gbt=True, max_receive_pdu_size=300)
        self.opened("GMAC suite 0", "list of ten", 1, reads_a_list)
        self.opened("GMAC suite 0", "clock is set", 1, set_clock)
        self.opened("GMAC suite 0", "security setup", 1, lambda c: shows_security(c, 0))
        self.case("GMAC suite 0", "old counter", self.old_counter)
        self.case("GMAC suite 0", "wrong key", self.wrong_key)

    def old_counter(self):
        client = self.foreign.client(1, counter=1)
        return refused(client.connect, "counter|replay")

    def wrong_key(self):
        planned = dict(self.foreign.meter.clients[1], authentication_key="00" * 16)
        security = self.foreign.security(planned, 0x70000000)
        return refused(self.foreign.client(1, security=security).connect, ".")

    def signatures(self):
        for number in (3, 4):
            suite = self.foreign.meter.clients[number]["suite"]
            security = f"ECDSA suite {suite}"
            forms = {
                "glo": {},
                "general-glo": {"protection": "general-glo"},
                "dedicated": {"use_dedicated_key": True},
                "general-ciphering": {"protection": "general-ciphering"},
                "wrapped key": {"protection": "general-ciphering", "key_info": KeyInfo("wrapped")},
                "one-pass key": {
                    "protection": "general-ciphering", "key_info": KeyInfo("agreed", scheme=ONE_PASS_DH),
                },
                "static key": {
                    "protection": "general-ciphering", "key_info": KeyInfo("agreed", scheme=STATIC_UNIFIED_MODEL),
                },
                "signed": {"protection": "glo+signing"},
                "ciphered and signed": {"protection": "general-ciphering+signing"},
            }
            for form, settings in forms.items():
                self.opened(security, f"energy, {form}", number, same_as_in_the_clear(self.foreign), **settings)
            self.opened(security, "day of rows", number, reads_a_day)
            self.opened(security, "clock is set", number, set_clock)
            self.opened(security, "security setup", number, lambda c, s=suite: shows_security(c, s))

    def several_at_once(self):
        def all_open():
            clients = [self.foreign.client(number).connect() for number in (16, 17, 2, 1, 3, 4, 17)]
            seen = [client.get_clock().to_datetime() for client in clients]
            values = [energy(client) for client in clients[1:]]
            for client in clients:
                client.close()
            within(max(values) - min(values), 0, 50, "spread of energy")
            return f"{len(seen)} clients"

        self.case("all", "clients at once", all_open)


def clock_is_right(client):
    now = dt.datetime.now(dt.timezone.utc)
    seen = client.get_clock().to_datetime()
    within((seen - now).total_seconds(), -5, 5, "clock minus ours")
    return seen.isoformat()


def set_clock(client):
    client.set_clock(dt.datetime.now(dt.timezone.utc))
    return clock_is_right(client)


def lists_objects(client):
    names = {str(entry.logical_name) for entry in client.get_association_view()}
    assert {CLOCK, NAME, "0.0.40.0.0.255"} <= names, f"missing in {sorted(names)}"
    return f"{len(names)} objects"


def reads_a_day(client):
    profile = client.read_profile(PROFILE, typed=True, scalers=True)
    stamps = [row[0].to_datetime() for row in profile.rows]
    within(len(stamps), 96, 10_000, "rows")
    steps = {later - earlier for earlier, later in zip(stamps, stamps[1:])}
    equal(steps, {dt.timedelta(minutes=15)}, "steps")
    within((dt.datetime.now(dt.timezone.utc) - stamps[-1]).total_seconds(), -5, 16 * 60, "age of the last row")
    energies = [float(row[2].value) for row in profile.rows]
    assert energies == sorted(energies), "energy never falls"
    return f"{len(stamps)} rows"


def reads_a_range(client):
    last = client.read_profile(PROFILE, typed=True).rows[-1][0].to_datetime()
    first = last - dt.timedelta(hours=3)
    access = range_descriptor(moment(first), moment(last))
    rows = client.read_profile(PROFILE, access, typed=True).rows
    equal([rows[0][0].to_datetime(), rows[-1][0].to_datetime(), len(rows)], [first, last, 13], "range")
    return f"{len(rows)} rows"


def reads_entries(client):
    whole = client.read_profile(PROFILE).rows
    part = client.get(PROFILE, PROFILE_CLASS, 2, entry_descriptor(2, 5, 3, 4))
    found = [[cell.value for cell in row.value] for row in part.value]
    equal(found, [list(row[2:4]) for row in whole[1:5]], "entries 2 to 5, columns 3 and 4")
    return f"{len(found)} rows of 2 columns"


def moment(when):
    from pydlms import CosemDateTime

    return DlmsData.octet_string(CosemDateTime.from_datetime(when).to_bytes())


def reads_a_list(client):
    names = ["1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.32.7.0.255", "1.0.31.7.0.255", "1.0.14.7.0.255"]
    values = client.get_many([(name, REGISTER, attribute) for name in names for attribute in (2, 3)])
    scaler, unit = (item.value for item in values[5].value)
    voltage = values[4].value * 10.0**scaler
    within(voltage, 150, 300, "voltage")
    equal(int(unit), 35, "its unit")
    frequency = values[8].value * 10.0 ** values[9].value[0].value
    within(frequency, 45, 55, "frequency")
    return f"{voltage:.1f} V, {frequency:.2f} Hz"


def uses_access(client):
    outcomes = client.access(
        [
            AccessGet(ENERGY, REGISTER, 2),
            AccessSet(CLOCK, CLOCK_CLASS, 3, DlmsData.int16(60)),
            AccessGet("1.0.99.99.0.255", REGISTER, 2),
        ]
    )
    assert outcomes[0].ok and outcomes[0].data.value > 0, outcomes[0]
    equal([outcome.result.name for outcome in outcomes[1:]], ["READ_WRITE_DENIED", "OBJECT_UNDEFINED"], "results")
    return "read, denied, undefined"


def shows_security(client, suite):
    equal(int(client.get("0.0.43.0.0.255", 64, 3).value), suite, "suite")
    title = octets(client.get("0.0.43.0.0.255", 64, 4))
    equal(title.hex(), "4d4d4d0000bc614e", "client title")
    return f"suite {suite}"


def same_as_in_the_clear(foreign):
    def check(client):
        with foreign.client(17) as reader:
            before = energy(reader)
            seen = energy(client)
            within(seen, before, energy(reader), "energy")
        return f"{seen} Wh"

    return check
