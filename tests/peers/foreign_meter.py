"""Our command line reads the foreign meter."""

import json
import socket
import subprocess
import threading

from bench import COMMAND_TIMEOUT_S, equal, run
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydlms import DlmsData, GeneralAad, Mechanism, SecurityContext, encode_data
from pydlms.apdu.xdlms import Conformance
from pydlms.security.ciphering import wrap_general_glo
from pydlms.simulator import ClientProfile, example_meter, serve

ENERGY = 12345678
TITLE = b"PYD\x00\x00\x00\x00\x01"
SECRETS = {
    17: (Mechanism.LLS, "lls"),
    33: (Mechanism.HLS_MD5, "hls-md5"),
    34: (Mechanism.HLS_SHA1, "hls-sha1"),
    2: (Mechanism.HLS_SHA256, "hls-sha256"),
}
FORMS = {
    0: ["glo", "general-glo", "ded", "general-ded", "general"],
    1: ["glo", "general-glo", "ded", "general-ded", "general"],
    2: ["glo", "general-glo", "ded", "general-ded", "general"],
}


class ForeignMeter:
    """The example meter of the foreign stack, with clients of every kind."""

    def __init__(self, link, plan, suite, pem):
        meter = example_meter(system_title=TITLE)
        for number, (mechanism, _) in SECRETS.items():
            meter.clients[number] = ClientProfile(mechanism, secret=b"12345678")
        if suite is not None:
            self.secure(meter, plan, suite, pem)
        self.simulator = meter
        self.server = serve(meter, hdlc=link == "hdlc")
        self.address = "127.0.0.1:%d" % self.server.server_address[1]

    @staticmethod
    def secure(meter, plan, suite, pem):
        client = next(c for c in plan["client"] if c.get("suite") == suite)
        number = client["client"]
        private = lambda name: load_pem_private_key((pem / name).read_bytes(), None)  # noqa: E731
        pairs = {}
        meter.clients[1] = ClientProfile(Mechanism.HLS_GMAC, ciphered=True)
        if suite > 0:
            signing = signing_key(client)
            public = load_pem_public_key((pem / f"client-{number}-signing.pub").read_bytes())
            pairs = {"signing_key": signing, "peer_signing_key": public}
            meter.signing_key = signing
            meter.clients[number] = ClientProfile(Mechanism.HLS_ECDSA, ciphered=True, client_public_key=public)
            assert private(f"client-{number}-signing.key").public_key().public_numbers() == public.public_numbers()
        meter.security = SecurityContext(
            bytes.fromhex(client["encryption_key"]),
            bytes.fromhex(client["authentication_key"]),
            client_system_title=TITLE,
            suite=suite,
            general_aad=GeneralAad.WITH_HEADER,
            **pairs,
        )
        meter.encryption_key = bytes.fromhex(client["encryption_key"])
        meter.authentication_key = bytes.fromhex(client["authentication_key"])
        meter.last_client_ic = 0

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def signing_key(client):
    curve = ec.SECP256R1() if client["suite"] == 1 else ec.SECP384R1()
    return ec.derive_private_key(int(client["server_signing_key"], 16), curve)


def keys_file(plan, suite, folder):
    """What the command line needs, with a GMAC client of this suite as client 1."""
    lines = [f'client_title = "{plan["client_title"]}"', f'system_title = "{TITLE.hex()}"']
    for client in [c for c in plan["client"] if c.get("suite") == suite]:
        tables = [client] if suite == 0 else [client, dict(client, client=1, authentication="hls-gmac")]
        for table in tables:
            lines.append("[[client]]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    path = folder / f"suite-{suite}.toml"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


class Reader:
    def __init__(self, concentrator, link, address):
        self.command = [concentrator, "dlms"]
        self.options = ["--" + link, address]

    def __call__(self, *words, expected=0):
        return run(self.command + list(words) + self.options, expected)


def run_all(results, concentrator, plan, pem, folder):
    for link in ("wrapper", "hdlc"):
        clear(results, concentrator, link, plan, pem)
        for suite in (0, 1, 2):
            ciphered(results, concentrator, link, plan, suite, pem, folder)
    pushes(results, concentrator, plan, folder)


def clear(results, concentrator, link, plan, pem):
    meter = ForeignMeter(link, plan, None, pem)
    read = Reader(concentrator, link, meter.address)

    def case(security, name, check):
        results.case("pydlms meter", link, security, name, check)

    case("public", "energy", lambda: energy(read))
    case("public", "energy as JSON", lambda: energy_as_json(read))
    case("public", "object list", lambda: objects(read))
    case("public", "profile", lambda: profile(read))
    case("public", "blocks of 128 octets", lambda: profile(read, "--max-pdu", "128"))
    for lost in ({}, {2, 5}):
        case("public", f"general blocks, {len(lost)} lost", lambda n=lost: in_general_blocks(concentrator, link, plan, pem, n))
    case("public", "undefined object", lambda: says(read("get", "--class", "7", "1.0.99.8.0.255", expected=5), "object-undefined"))
    case("public", "write and read", lambda: writes(read))
    case("public", "method", lambda: disconnects(read))
    for number, (_, auth) in SECRETS.items():
        words = ["--client", str(number), "--auth", auth, "--password"]
        case(auth, "energy", lambda w=words: energy(read, *w, "12345678"))
        case(auth, "wrong secret", lambda w=words: read("objects", *w, "12345679", expected=4).strip())
    meter.stop()


def ciphered(results, concentrator, link, plan, suite, pem, folder):
    meter = ForeignMeter(link, plan, suite, pem)
    read = Reader(concentrator, link, meter.address)
    keys = keys_file(plan, suite, folder)
    number = next(c["client"] for c in plan["client"] if c.get("suite") == suite)
    for client, name in {1: "GMAC", number: "GMAC" if suite == 0 else "ECDSA"}.items():
        state = str(folder / f"{link}-{suite}-{client}.state")
        options = ["--keys", keys, "--state", state, "--client", str(client)]

        def case(what, check, security=f"{name} suite {suite}"):
            results.case("pydlms meter", link, security, what, check)

        for form in FORMS[suite]:
            case(f"energy, {form}", lambda f=form, o=options: energy(read, *o, "--ciphering", f))
        case("profile", lambda o=options: profile(read, *o))
        case("write and read", lambda o=options: writes(read, *o))
        case("trace", lambda o=options: traces(read, *o))
        wrong = folder / "wrong.toml"
        wrong.write_text((folder / f"suite-{suite}.toml").read_text().replace("d0d1d2d3", "d0d1d2d4"))
        strange = ["--keys", str(wrong), "--state", str(folder / f"wrong-{link}-{suite}-{client}.state"), "--counter", "4000000"]
        case("wrong key", lambda c=client, s=strange: refuses(read, *s, "--client", str(c)))
    meter.stop()


def energy(read, *options):
    seen = int(read("get", "1.0.1.8.0.255", "--raw", *options))
    equal(seen, ENERGY, "energy")
    return f"{seen} Wh"


def energy_as_json(read):
    seen = json.loads(read("get", "1.0.1.8.0.255", "--raw", "--format", "json"))
    equal((seen["value"], seen["notation"]), (ENERGY, f"u32:{ENERGY}"), "energy")
    return seen["notation"]


def objects(read):
    lines = read("objects", "--format", "csv").splitlines()
    seen = {",".join(line.split(",")[:3]) for line in lines}
    assert {"class,version,logical_name", "7,1,1-0:99.1.0.255", "8,0,0-0:1.0.0.255"} <= seen, lines
    return f"{len(lines) - 1} objects"


def profile(read, *options):
    rows = [line.split(",") for line in read("profile", "--format", "csv", *options).splitlines()[1:]]
    equal([float(row[1]) for row in rows], [1000 + 7 * n for n in range(96)], "energies")
    equal([rows[0][0], rows[-1][0]], ["2024-05-01T00:00:00Z", "2024-05-01T23:45:00Z"], "first and last")
    return f"{len(rows)} rows"


def in_general_blocks(concentrator, link, plan, pem, lost):
    """The foreign meter sends the profile in general blocks, and loses some of them once."""
    meter = ForeignMeter(link, plan, None, pem)
    meter.simulator.conformance |= Conformance.GENERAL_BLOCK_TRANSFER
    meter.simulator.drop_gbt_blocks = set(lost)
    try:
        seen = profile(Reader(concentrator, link, meter.address), "--max-pdu", "256")
    finally:
        meter.stop()
    equal(meter.simulator.drop_gbt_blocks, set(), "blocks still to be lost")
    return seen


def writes(read, *options):
    name = ["0.0.96.1.0.255", "--class", "1"]
    for value in ("text:\"a new name\"", "text:\"PYD0000000001\""):
        read("set", *name, value, *options)
        equal(json.loads(read("get", *name, "--json", *options))["notation"], value, "what was written")
    return "text"


def disconnects(read):
    control = ["0.0.96.3.10.255", "--class", "70"]
    equal(read("get", *control).strip(), "true", "output state")
    read("action", *control, "1", "i8:0")
    equal(read("get", *control).strip(), "false", "output state")
    return "connected, disconnected"


def traces(read, *options):
    done = subprocess.run(
        read.command + ["get", "1.0.1.8.0.255", "--trace", *options] + read.options,
        capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=True,
    )
    assert "octets in the clear: c401" in done.stderr and f"u32:{ENERGY}" in done.stderr, done.stderr
    assert "sealed" not in done.stderr, done.stderr
    return f"{len(done.stderr.splitlines())} lines"


def refuses(read, *options):
    """The foreign meter may refuse or fall silent; nothing may be read."""
    command = read.command + ["get", "1.0.1.8.0.255", "--timeout", "1", *options] + read.options
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    assert done.returncode in (3, 4) and not done.stdout, (done.returncode, done.stderr)
    return done.stderr.strip()


def says(text, expected):
    assert expected in text, text
    return text.strip()


def pushes(results, concentrator, plan, folder):
    body = DlmsData.structure([DlmsData.octet_string(bytes([1, 0, 1, 8, 0, 255])), DlmsData.uint32(ENERGY)])
    plain = bytes.fromhex("0f00000001") + b"\x00" + encode_data(body)
    client = next(c for c in plan["client"] if c.get("suite") == 0)
    keys = [bytes.fromhex(client[name]) for name in ("encryption_key", "authentication_key")]
    context = SecurityContext(*keys, client_system_title=TITLE, invocation_counter=1)
    sealed = wrap_general_glo(context, plain)
    options = ["--keys", keys_file(plan, 0, folder), "--client", "1"]
    for name, apdu, more in (("plain", plain, []), ("general-glo suite 0", sealed, options)):
        for transport in ("wrapper", "udp"):
            results.case(
                "pydlms push", transport, name, "push",
                lambda a=apdu, m=more, t=transport: pushed(concentrator, t, a, m),
            )


def pushed(concentrator, transport, apdu, options):
    command = [concentrator, "dlms", "push", "listen", "--" + transport, "127.0.0.1:0", "--count", "1"]
    listener = subprocess.Popen(
        command + ["--format", "json", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(COMMAND_TIMEOUT_S, listener.kill)
    watchdog.start()
    try:
        port = int(listener.stderr.readline().rsplit(":", 1)[1])
        kind = socket.SOCK_STREAM if transport == "wrapper" else socket.SOCK_DGRAM
        with socket.socket(socket.AF_INET, kind) as peer:
            peer.connect(("127.0.0.1", port))
            header = b"".join(n.to_bytes(2, "big") for n in (1, 1, 1, len(apdu)))
            peer.sendall(header + apdu)
            seen = json.loads(listener.stdout.readline())
    finally:
        watchdog.cancel()
        listener.kill()
        listener.wait()
    equal(seen["value"], ["0100010800ff", ENERGY], "what was pushed")
    return str(seen["value"])
