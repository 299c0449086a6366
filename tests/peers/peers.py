#!/usr/bin/env python3
"""Foreign DLMS/COSEM stacks against `plcsim meter` and `concentrator dlms`.

    peers.py --plcsim PATH --concentrator PATH

Every case checks values. Ends with 1 when a case has failed.
"""

import argparse
import pathlib
import sys
import tempfile

import foreign_client
import foreign_meter
from bench import Meter, Results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plcsim", required=True)
    parser.add_argument("--concentrator", required=True)
    args = parser.parse_args()
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        pem = pathlib.Path(folder) / "pem"
        meter = Meter(args.plcsim, str(pem))
        try:
            foreign_client.run(results, meter, pem)
            foreign_meter.run_all(results, args.concentrator, meter.plan, pem, pathlib.Path(folder))
        finally:
            meter.stop()
    results.print_table()
    return 1 if results.failures() or not results.rows else 0


if __name__ == "__main__":
    sys.exit(main())
