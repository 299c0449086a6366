"""Starts the programs under test, keeps the table of results."""

import queue
import re
import subprocess
import threading
import time
import tomllib
import traceback

START_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 60


class Results:
    """One row per case. A case passes when it returns; what it returns is shown."""

    def __init__(self):
        self.rows = []

    def case(self, peer, link, security, name, check):
        started = time.monotonic()
        try:
            shown, failed = check(), False
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is a row of the table
            shown, failed = f"{type(error).__name__}: {error}", True
            if not isinstance(error, AssertionError):
                traceback.print_exc()
        ms = round((time.monotonic() - started) * 1000)
        row = (peer, link, security, name, "FAILED" if failed else "ok", f"{ms} ms", str(shown or ""))
        self.rows.append(row)
        print("  ".join(row), flush=True)

    def failures(self):
        return [row for row in self.rows if row[4] != "ok"]

    def print_table(self):
        heads = ("PEER", "LINK", "SECURITY", "CASE", "RESULT", "TIME", "SEEN")
        rows = [heads] + self.rows
        widths = [max(len(row[n]) for row in rows) for n in range(6)]
        print()
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)), row[6], sep="  ")
        print(f"\n{len(self.rows) - len(self.failures())} passed, {len(self.failures())} failed")


class Meter:
    """`plcsim meter` on free ports: what it says of itself is `plan`."""

    def __init__(self, plcsim, pem):
        command = [plcsim, "meter", "--wrapper", "127.0.0.1:0", "--hdlc", "127.0.0.1:0", "--pem", pem]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )
        self.plan = tomllib.loads(self._description())
        # The frequency is known after a second of samples.
        time.sleep(2)
        self.clients = {client["client"]: client for client in self.plan["client"]}

    def _description(self):
        """All that it prints before it falls silent."""
        lines = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout], daemon=True).start()
        text = lines.get(timeout=START_TIMEOUT_S)
        while True:
            try:
                text += lines.get(timeout=0.5)
            except queue.Empty:
                return text

    def port(self, link):
        return int(self.plan[link].rsplit(":", 1)[1])

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


def run(command, expected=0):
    """What a command prints; its exit code must be the expected one."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    assert done.returncode == expected, f"exit {done.returncode}, expected {expected}: {done.stderr.strip()}"
    return done.stdout if expected == 0 else done.stderr


def equal(found, expected, what):
    assert found == expected, f"{what}: {found!r}, expected {expected!r}"


def within(found, low, high, what):
    assert low <= found <= high, f"{what}: {found!r}, expected {low!r} to {high!r}"


def refused(call, expected):
    """The call must fail with an error that says what is expected."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the error is the result
        text = f"{type(error).__name__}: {error}"
        assert re.search(expected, text, re.IGNORECASE), f"refused with {text!r}, expected {expected!r}"
        return text
    raise AssertionError(f"not refused, expected {expected!r}")
