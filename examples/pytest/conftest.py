"""Each scenario file is a test: `pytest scenarios`, with this file beside or above them.

    pytest scenarios --mixedmode=target/release/mixedmode --mixedmode-recorder=mine -k hold

All that were chosen run in one run of mixedmode; each test then takes its own outcome from the events that the run wrote
(`--report-ndjson`, schema mixedmode-events-v1). A finding is a failure, what could not be set up or decided is one
that says so, what the recorder does not take is skipped.
"""

import json
import os
import subprocess
import tempfile

import pytest


def pytest_addoption(parser):
    group = parser.getgroup("mixedmode")
    group.addoption("--mixedmode", default=os.environ.get("MIXEDMODE", "mixedmode"), help="the program")
    group.addoption("--mixedmode-recorder", default="bundled", help="the recorder under test")
    group.addoption("--mixedmode-config", default="mixedmode.toml", help="the file that tells of it")
    group.addoption("--mixedmode-network", default="os", choices=["os", "simulated"])
    group.addoption("--mixedmode-args", default="", help="more of what `mixedmode run` takes")


def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".yaml":
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    def collect(self):
        yield Scenario.from_parent(self, name=self.path.stem)


class Scenario(pytest.Item):
    def runtest(self):
        ended = outcomes(self.session)
        if isinstance(ended, str):
            raise NotPassed(ended)
        outcome = ended.get(str(self.path))
        if outcome is None:
            raise NotPassed("mixedmode told nothing of it")
        if outcome["verdict"] == "skipped":
            pytest.skip(outcome["reason"] or "skipped")
        if outcome["verdict"] != "pass":
            raise NotPassed(told(outcome))

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self):
        return self.path, 0, f"scenario {self.name}"


class NotPassed(Exception):
    """A scenario that did not pass, as it is shown."""


def outcomes(session):
    """The outcome of each file that was chosen; all of them run when the first is asked for. Or why there are none."""
    if not hasattr(session, "mixedmode"):
        session.mixedmode = run(session)
    return session.mixedmode


def run(session):
    option = session.config.getoption
    files = [str(item.path) for item in session.items if isinstance(item, Scenario)]
    with tempfile.TemporaryDirectory() as folder:
        events = os.path.join(folder, "events.ndjson")
        command = [option("--mixedmode"), "run", *files, "--report-ndjson", events, "--state", os.path.join(folder, "state.json")]
        command += ["--network", option("--mixedmode-network"), "--recorder", option("--mixedmode-recorder")]
        command += ["--config", option("--mixedmode-config"), *option("--mixedmode-args").split()]
        try:
            ran = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            return f"{command[0]} cannot be run: {error}"
        # 0 to 5 with events is a run; a file that is wrong (2) and a usage (1) have none.
        if not os.path.exists(events):
            return f"mixedmode ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
        with open(events, encoding="utf-8") as lines:
            all_events = [json.loads(line) for line in lines]
    return {event["file"]: event for event in all_events if event["event"] == "scenario-ended"}


def told(outcome):
    lines = [f"{outcome['verdict']}: {outcome['title']}"]
    if outcome["reason"]:
        lines.append(outcome["reason"])
    for finding in outcome["findings"]:
        lines += [f"{finding['rule']}", f"  expected  {finding['expected']}", f"  found     {finding['found']}"]
        if finding["line"]:
            lines.append(f"  where     {outcome['file']}:{finding['line']}")
    return "\n".join(lines)
