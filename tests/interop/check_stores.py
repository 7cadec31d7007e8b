#!/usr/bin/env python3
"""Stores of recordings that nobody here wrote: moto as an S3 service that checks signatures, Debian's PostgreSQL as a private cluster
on loopback. The tests are those of crates/scenario and crates/cli, which are skipped where neither is installed; here they may not be."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from verdict import ROOT, Skipped, case, main, needs


def passed(name, package=("scenario", "--lib")):
    """How many tests of this name passed; none may have been skipped."""
    # The `python3` of the tests is that of the venv.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [needs("cargo"), "test", "--quiet", "-p", *package, "--", name, "--nocapture"]
    env = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1800, check=False)
    said = done.stdout + done.stderr
    skipped = re.search(r"skipped: .*", said)
    if done.returncode != 0 or skipped:
        raise AssertionError(skipped.group() if skipped else said[-600:])
    (count,) = re.findall(r"(\d+) passed", said)
    return f"{count} tests"


@case("objects of a bucket are listed and fetched from moto, which checks signatures")
def _():
    if importlib.util.find_spec("moto") is None:
        raise Skipped("moto is not installed")
    return passed("under_test::s3")


@case("a whole run finds its recordings in a bucket of moto")
def _():
    if importlib.util.find_spec("moto") is None:
        raise Skipped("moto is not installed")
    return passed("bucket", package=("mixedmode", "--test", "stores"))


@case("PostgreSQL is asked which files hold which call")
def _():
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        raise Skipped("postgresql is not installed")
    return passed("under_test::sql")


main()
