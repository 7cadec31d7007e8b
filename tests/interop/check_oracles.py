#!/usr/bin/env python3
"""libsrtp and our SRTP seal and open the same random packets (tests/oracles)."""

import importlib.util
import os
import sys

from verdict import ROOT, Skipped, case, main, needs, run, same

ORACLES = ROOT / "tests/oracles"
PACKETS = 20_000


@case("libsrtp seals and opens random packets as we do")
def _():
    if importlib.util.find_spec("pylibsrtp") is None:
        raise Skipped("pylibsrtp is not installed")
    target = os.environ.get("CARGO_TARGET_DIR", ORACLES / "target")
    build = [needs("cargo"), "build", "--quiet", "--release", "--locked", "--bin", "srtp_pipe", "--target-dir", target]
    run(*build, cwd=ORACLES, timeout=1800)
    said = run(sys.executable, ORACLES / "pylibsrtp/check.py", f"{target}/release/srtp_pipe", PACKETS, timeout=180)
    lines = said.decode().splitlines()
    same("suites", len(lines), 4)
    return f"4 suites, RTP and RTCP, {2 * PACKETS:,} packets each, equal to the byte; the same ones refused"


main()
