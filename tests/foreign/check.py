#!/usr/bin/env python3
"""Runs scenarios against the recorders of examples/recorders and compares with what is expected of each.

A recorder is a folder with mixedmode.toml and expected.txt. A line of expected.txt is

    scenario  verdict  finding finding?

The verdict and the names of all findings must be as they stand there. One with `?` is not in every run; where all have it,
the scenario may pass as well. `[name]` begins another recorder of the same mixedmode.toml, `needs: program` in a comment
names what must be installed.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/recorders"
TRIES = 3
# So many scenarios at once; what a jitter buffer does is the better seen the less else is going on.
JOBS = 6


class Expected:
    def __init__(self, line):
        self.scenario, self.verdict, *names = line.split()
        self.always = {name for name in names if not name.endswith("?")}
        self.perhaps = {name[:-1] for name in names if name.endswith("?")}

    def difference(self, outcome):
        """What is other than expected, in words; nothing if all is as it should be."""
        got, found = outcome["verdict"], {finding["rule"] for finding in outcome["findings"]}
        verdicts = {self.verdict} | ({"pass"} if self.perhaps and not self.always else set())
        wrong = [] if got in verdicts else [f"got {got}, expected {self.verdict}: {outcome['reason'] or 'no reason given'}"]
        if got == "pass" in verdicts:
            return "; ".join(wrong)
        wrong += [f"without {name}, which was expected" for name in sorted(self.always - found)]
        wrong += [f"{name} was not expected: {said(outcome, name)}" for name in sorted(found - self.always - self.perhaps)]
        return "; ".join(wrong)


def said(outcome, name):
    return next(f["found"] for f in outcome["findings"] if f["rule"] == name)


def read(path):
    """The expected outcomes by recorder, and the programs needed."""
    text = path.read_text()
    recorders, name = {}, path.parent.name
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            name = line.strip("[]")
        elif line:
            recorders.setdefault(name, []).append(Expected(line))
    return recorders, re.findall(r"(?m)^# needs: (\S+)$", text)


def is_there(program):
    return shutil.which(program) is not None or importlib.util.find_spec(program) is not None


def run(folder, recorder, scenarios, jobs):
    """Outcomes by scenario, and all that was printed."""
    with tempfile.TemporaryDirectory(prefix="foreign-") as work:
        report = Path(work) / "outcome.json"
        command = [os.environ["MIXEDMODE"], "run", *(f"scenarios/{one}" for one in scenarios), "--jobs", str(jobs)]
        command += ["--config", folder / "mixedmode.toml", "--recorder", recorder, "--report-json", report]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
        if not report.exists():
            raise SystemExit(f"FAIL {recorder}: mixedmode ended with {done.returncode}: {done.stdout}{done.stderr}")
        outcomes = json.loads(report.read_text())["scenarios"]
    return {one["file"].removeprefix("scenarios/"): one for one in outcomes}, done.stdout


def check(folder, recorder, expected):
    """The number of differences. What this machine was too busy for is run again, alone."""
    outcomes, printed = run(folder, recorder, [one.scenario for one in expected], JOBS)
    for _ in range(TRIES):
        late = [name for name, outcome in outcomes.items() if outcome["verdict"] == "inconclusive"]
        if not late:
            break
        again, more = run(folder, recorder, late, 1)
        outcomes.update(again)
        printed += more
    failed = 0
    for one in expected:
        wrong = one.difference(outcomes[one.scenario])
        failed += bool(wrong)
        verdict = " ".join([outcomes[one.scenario]["verdict"], *sorted({f["rule"] for f in outcomes[one.scenario]["findings"]})])
        print(f"{'FAIL' if wrong else 'PASS'} {recorder} {one.scenario}: {wrong or verdict}", flush=True)
    if failed:
        print(printed, file=sys.stderr)
    return failed


def main():
    asked = sys.argv[1:] or sorted(path.parent.name for path in EXAMPLES.glob("*/expected.txt"))
    passed = failed = skipped = 0
    unasked = False
    for name in asked:
        recorders, needed = read(EXAMPLES / name / "expected.txt")
        missing = [program for program in needed if not is_there(program)]
        if missing:
            rows = sum(map(len, recorders.values()))
            print(f"SKIPPED {name}: {', '.join(missing)} is not installed")
            skipped += rows
            unasked |= name not in os.environ.get("FOREIGN_MAY_SKIP", "").split()
            continue
        for recorder, expected in recorders.items():
            wrong = check(EXAMPLES / name, recorder, expected)
            failed += wrong
            passed += len(expected) - wrong
    print(f"foreign: {passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(bool(failed or unasked or not passed))


main()
