"""The figures the HTML report promises, measured with the release binary: `check_figures.py MIXEDMODE FOLDER`.

One 60 s call: what the report adds to a run, at most 1 s. Ninety scenarios: below 20 MB, open in less than 2 s.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "interop"))

from driver import Browser, Gone, programs  # noqa: E402
from verdict import Skipped, case, holds, main  # noqa: E402

MIXEDMODE, FOLDER = sys.argv[1], Path(sys.argv[2]).resolve()
ONE, MANY = FOLDER / "one.html", FOLDER / "many.html"
RUNS = 5


def run(files, *more):
    began = time.monotonic()
    done = subprocess.run([MIXEDMODE, "run", *files, "--network", "simulated", *more], cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode not in (0, 4, 5):
        raise AssertionError(f"mixedmode ended with {done.returncode}: {done.stderr[-400:]}")
    return took


def scenarios():
    """The first ninety by name."""
    files = sorted(ROOT.glob("scenarios/**/*.yaml"))
    return [str(f.relative_to(ROOT)) for f in files if not {"broken", "failing"} & set(f.parts)][:90]


@case("HTML of one 60 s call in at most 1 s")
def one():
    call = ["scenarios/sixty-seconds.yaml"]
    plain = sorted(run(call) for _ in range(RUNS))[RUNS // 2]
    told = sorted(run(call, "--report-html", str(ONE)) for _ in range(RUNS))[RUNS // 2]
    holds(f"the report adds {told - plain:.2f} s to a run of {plain:.2f} s", told - plain <= 1)
    return f"{told - plain:.2f} s more than the {plain:.2f} s without (median of {RUNS}), {ONE.stat().st_size / 1e6:.2f} MB"


@case("90 scenarios below 20 MB, open in less than 2 s")
def many():
    try:
        programs()
    except Gone as why:
        raise Skipped(str(why)) from None
    files = scenarios()
    run(files, "--report-html", str(MANY))
    size = MANY.stat().st_size
    holds(f"it has {size / 1e6:.1f} MB", size < 20e6)
    with Browser() as browser:
        times = []
        for _ in range(RUNS):
            browser.open("about:blank")
            began = time.monotonic()
            browser.open(MANY.as_uri())
            rows = browser.js("await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r))); return document.querySelectorAll('#list tbody tr').length")
            times.append(time.monotonic() - began)
        largest = browser.js("return [...document.querySelectorAll('script[type]')].sort((a, b) => b.textContent.length - a.textContent.length)[0].id.slice(5)")
        began = time.monotonic()
        browser.js("location.hash = `#s${args[0]}`", largest)
        browser.until("the largest scenario", "document.querySelector('#scenario h1')")
        browser.js("await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
        scenario = time.monotonic() - began
    opened = sorted(times)[RUNS // 2]
    holds(f"{rows} of {len(files)} scenarios", rows == len(files))
    holds(f"it opens in {opened:.2f} s", opened < 2)
    return f"{rows} scenarios, {size / 1e6:.1f} MB, open in {opened:.2f} s (median of {RUNS}), the largest of them in {scenario:.2f} s"


if __name__ == "__main__":
    main()
