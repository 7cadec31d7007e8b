"""Cases, a line each: `PASS name: what was shown`, `FAIL name: why`, `SKIPPED name: why`.

A file of checks declares its cases with `@case("name")`; a case returns what it showed, or raises. `main()` runs them in
order and ends with 1 if one failed.
"""

import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = []


class Skipped(Exception):
    """The foreign program is not to be had."""


def case(name):
    def declare(body):
        CASES.append((name, body))
        return body

    return declare


def needs(program):
    """The program's path; a case that cannot have it is told as skipped, never as passed."""
    path = shutil.which(program)
    if path is None:
        raise Skipped(f"{program} is not installed")
    return path


def same(what, got, expected):
    if got != expected:
        raise AssertionError(f"{what}: got {shown(got)}, expected {shown(expected)}")


def holds(what, condition):
    if not condition:
        raise AssertionError(what)


def run(*command, data=None, timeout=60, may_fail=False, cwd=None):
    """Standard output, as bytes. A failure shows what the program said."""
    command = [str(word) for word in command]
    done = subprocess.run(command, input=data, capture_output=True, timeout=timeout, cwd=cwd, check=False)
    if done.returncode != 0 and not may_fail:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise AssertionError(f"`{' '.join(command)}` ended with {done.returncode}: {said[-600:]}")
    return done.stdout


def folder():
    """A folder that is gone when the program ends."""
    kept = tempfile.TemporaryDirectory(prefix="interop-")
    FOLDERS.append(kept)
    return Path(kept.name)


def main():
    failed = False
    for name, body in CASES:
        try:
            print(f"PASS {name}: {body()}", flush=True)
        except Skipped as why:
            print(f"SKIPPED {name}: {why}", flush=True)
        except AssertionError as why:
            failed = True
            print(f"FAIL {name}: {one_line(why)}", flush=True)
        except Exception as error:  # noqa: BLE001 -- the next case is worth running
            failed = True
            traceback.print_exc()
            print(f"FAIL {name}: {type(error).__name__}: {one_line(error)}", flush=True)
    sys.exit(failed)


def shown(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}... ({len(text)} characters)"


def one_line(error):
    return " ".join(str(error).split()) or "an assertion without words"


FOLDERS = []
