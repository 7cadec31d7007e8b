"""A report in a real headless Chromium, opened from its file: `check_report.py REPORT.html FOLDER`.

The report must hold a scenario with a finding that has clips of audio, and one that passed. What was seen is left in
FOLDER as pictures. A line a case, as in tests/interop: `PASS name: what was shown`, `FAIL name: why`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))

from driver import Browser, Gone, programs  # noqa: E402
from verdict import Skipped, case, holds, main, same  # noqa: E402

REPORT = Path(sys.argv[1]).resolve()
SHOTS = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
ALLOWED = ("data:", "blob:", "file:")
OPENED = []


def fresh(fragment="", width=1440, height=900, scheme="light"):
    """The one browser, with the report just opened in it."""
    if not OPENED:
        try:
            programs()
        except Gone as why:
            raise Skipped(str(why)) from None
        OPENED.append(Browser())
    browser = OPENED[0]
    browser.open("about:blank")
    browser.size(width, height)
    browser.scheme(scheme)
    browser.complaints(), browser.requests()
    browser.open(REPORT.as_uri() + fragment)
    return browser


def quiet(browser):
    """The console was told nothing, and nothing was asked for but the file itself."""
    same("what the console was told", browser.complaints(), [])
    asked = [url for url in browser.requests() if not url.startswith(("chrome:", "devtools:"))]
    same("requests", [url for url in asked if url.partition("#")[0] != REPORT.as_uri() and not url.startswith(ALLOWED[:2])], [])


def shot(browser, name):
    if SHOTS:
        browser.shot(SHOTS / f"{name}.png")


def numbers(browser, verdict, clips=False):
    """The scenarios that ended so, as they are numbered; those with audio to listen to."""
    order = browser.js("return [...document.querySelectorAll(`#list tbody tr[data-verdict=${args[0]}]`)].map((row) => row.dataset.order)", verdict)
    if not clips:
        return order
    return [at for at in order if browser.js(
        """const block = document.getElementById(`data-${args[0]}`).textContent;
        const stream = new Blob([Uint8Array.from(atob(block), (c) => c.charCodeAt(0))]).stream().pipeThrough(new DecompressionStream("deflate"));
        const outcome = JSON.parse(await new Response(stream).text());
        return (outcome.evidence?.channels ?? []).some((channel) => channel.clips?.length)""", at)]


def scenario(at, **window):
    browser = fresh(f"#s{at}", **window)
    browser.until("the scenario is open", "!!document.querySelector('#scenario h1') && document.querySelector('#overview').hidden")
    browser.js("await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    return browser


def file_of(browser, at):
    return browser.js("return document.querySelector(`#list tr[data-order='${args[0]}'] .file`).textContent", at)


def failing(**window):
    browser = fresh()
    # Of files that were judged later there is neither ladder nor text.
    found = [at for at in numbers(browser, "finding", clips=True) if not file_of(browser, at).endswith("ledger.json")]
    holds("the report has a finding with clips", found)
    return scenario(found[0], **window)


HEAD = "Number(document.getElementById('play-head').value)"


@case("opens from its file without a complaint or a request")
def opens():
    browser = fresh()
    rows = browser.js("return document.querySelectorAll('#list tbody tr').length")
    holds("there are rows", rows)
    quiet(browser)
    shot(browser, "overview-light")
    return f"{rows} scenarios, nothing in the console, no request"


@case("every scenario opens without a complaint")
def each():
    browser = fresh()
    rows = browser.js("return document.querySelectorAll('#list tbody tr').length")
    for at in range(rows):
        browser.js("location.hash = `#s${args[0]}`", at)
        browser.until(f"scenario {at}", "document.querySelector('#scenario h1') && !document.querySelector('#scenario .notice:not(.evidence)') && location.hash === `#s${args[0]}`", at)
        browser.js("await new Promise((r) => setTimeout(r, 60))")
        wide = browser.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        holds("no text of others has run", browser.js("return document.title.endsWith('· mixedmode')"))
        same(f"pixels of scenario {at} beyond the window", wide, 0)
    quiet(browser)
    return f"{rows} scenarios"


@case("each finding says how to fix it")
def fixes():
    browser = failing()
    bottom = browser.js("return document.querySelector('.card .fix').getBoundingClientRect().bottom")
    holds(f"what to fix is in the window, {bottom} of 900 pixels down", 0 < bottom <= 900)
    said = browser.js("return document.querySelector('.card .fix').textContent")
    holds("it begins with what to do", said.startswith("To fix") and len(said) > 20)
    quiet(browser)
    return said


@case("what failed before a scenario passed is told")
def tried():
    found = numbers(fresh(), "flaky")
    if not found:
        raise Skipped("no scenario of this report passed at a second try; that of `cargo test` has one")
    row = fresh().js("return document.querySelector('#list tbody tr[data-verdict=flaky] .what').textContent")
    holds("the overview tells of the try", "try 1 ended in FINDING" in row)
    browser = scenario(found[0])
    told = browser.js("const tried = document.querySelector('details.earlier'); tried.open = true; return tried.textContent")
    holds("the scenario tells of the try", told.startswith("Try 1 ended in") and "Expected" in told)
    quiet(browser)
    return told.split(":")[0]


@case("the filter by text and by verdict leaves what fits")
def filters():
    browser = fresh()
    shown = "[...document.querySelectorAll('#list tbody tr:not([hidden])')]"
    all_rows = browser.js(f"return {shown}.length")
    browser.keys("/")
    same("focus", browser.js("return document.activeElement.id"), "search")
    word = browser.js(f"return {shown}[0].querySelector('.file').textContent")
    browser.keys(*word)
    left = browser.js(f"return {shown}.map((row) => row.querySelector('.file').textContent)")
    holds("what is left fits", left and all(word in one for one in left) and len(left) < all_rows)
    holds("it says how many are left", str(len(left)) in browser.js("return document.getElementById('shown').textContent"))
    browser.keys(*"jt?n")
    holds("what is typed is text", browser.js("return !document.getElementById('help').open && !document.documentElement.dataset.theme && document.getElementById('search').value.endsWith('jt?n')"))
    holds("nothing is left", browser.js("return !document.getElementById('none').hidden"))
    browser.js("document.getElementById('clear').click()")
    same("rows after clearing", browser.js(f"return {shown}.length"), all_rows)
    browser.point_at(".chip[data-verdict=pass]", click=True)
    same("verdicts left", set(browser.js(f"return {shown}.map((row) => row.dataset.verdict)")), {"pass"})
    same("pressed", browser.js("return document.querySelector('.chip[data-verdict=pass]').getAttribute('aria-pressed')"), "true")
    return f"{len(left)} of {all_rows} by text, then by verdict"


@case("the keyboard goes to a scenario and back")
def keyboard():
    browser = fresh()
    browser.keys("j", "j", "k")
    first = browser.js("return document.activeElement.textContent")
    same("focus", first, browser.js("return document.querySelector('#list tbody a').textContent"))
    browser.keys("Enter")
    browser.until("the scenario opens", "document.querySelector('#scenario h1')?.textContent.includes(args[0])", first)
    browser.keys("?")
    holds("help is open", browser.js("return document.getElementById('help').open"))
    browser.keys("Escape")
    browser.until("help is closed", "!document.getElementById('help').open")
    browser.keys("n")
    browser.until("the next scenario", "document.querySelector('#scenario h1') && !document.querySelector('#scenario h1').textContent.includes(args[0]) || location.hash !== '#s0'", first)
    browser.keys("Escape")
    browser.until("the overview", "!document.getElementById('overview').hidden")
    quiet(browser)
    return f"to {first!r}, help, the next one, back"


@case("the first screen says what to fix")
def first_screen():
    browser = failing()
    seen = browser.js("""const bottom = innerHeight; return [...document.querySelectorAll('.card dt')].filter((e) => e.getBoundingClientRect().bottom < bottom).map((e) => e.textContent)""")
    holds(f"expected, found and where on the first screen, got {seen}", {"Expected", "Found", "Where"} <= set(seen))
    holds("the rule", browser.js("return document.querySelector('.card h3 code').textContent.length > 3"))
    holds("a marked line", browser.js("return document.querySelectorAll('.code .failed, .code .during').length"))
    replay = browser.js("return document.querySelector('.command code').textContent")
    holds(f"the replay names the seed: {replay}", "--seed" in replay)
    shot(browser, "scenario-light")
    return replay


@case("a message is read in whole, by pointer and by key")
def message():
    browser = failing()
    browser.js("document.getElementById('ladder').scrollIntoView()")
    browser.point_at("[data-message] .label", click=True)
    text = browser.js("return document.querySelector('.panel pre').textContent")
    holds("a whole message", "SIP/2.0" in text.splitlines()[0] and "Call-ID" in text)
    selected = browser.js("return document.querySelector('.message.selected').dataset.message")
    browser.keys("j")
    browser.until("the next message", "document.querySelector('.message.selected').dataset.message !== args[0]", selected)
    browser.keys("Enter")
    same("focus", browser.js("return document.activeElement.className"), "panel")
    shot(browser, "ladder-light")
    count = "return document.querySelectorAll('[data-message]').length"
    every = browser.js(count)
    browser.js("const s = document.getElementById('ladder-call'); s.value = s.options[1].value; s.dispatchEvent(new Event('change'))")
    calls = browser.js(count)
    holds("fewer messages of one call", 0 < calls < every)
    quiet(browser)
    return f"{text.splitlines()[0]!r}; {calls} messages of one call"


@case("keys are nowhere")
def no_keys():
    browser = failing()
    found = browser.js(r"""const all = []; for (const m of document.querySelectorAll('[data-message]')) { m.dispatchEvent(new MouseEvent('click', { bubbles: true })); all.push(document.querySelector('.panel')?.textContent ?? ''); }
        return all.join('\n').match(/inline:[A-Za-z0-9+\/]{8,}/g) ?? []""")
    same("keys in messages", found, [])
    crypto = browser.js(r"""let n = 0; for (const m of document.querySelectorAll('[data-message]')) { m.dispatchEvent(new MouseEvent('click', { bubbles: true })); n += (document.querySelector('.panel').textContent.match(/a=crypto/g) ?? []).length; } return n""")
    holds("there were lines with keys", crypto)
    return f"{crypto} lines a=crypto, no key"


@case("ladder, time line, audio and frames share one play-head")
def play_head():
    browser = failing()
    places = "[document.querySelector('#timeline .head').style.transform, document.querySelector('#audio .head').style.transform, document.querySelector('.level').style.transform, document.getElementById('play-head').value]"
    seen = []
    for selector, part in [("#timeline .ruler .plot", (0.3, 0.5)), ("#audio .wave .plot", (0.5, 0.5)), (".raster canvas", (0.6, 0.5)), ("[data-message] .label", (0.5, 0.5)), ("#timeline .ruler .plot", (0.7, 0.5))]:
        browser.point_at(selector, part)
        browser.js("await new Promise(requestAnimationFrame)")
        seen.append(browser.js(f"return {places}"))
    for at in range(4):
        holds(f"picture {at} moves with each of the others", all(a[at] != b[at] for a, b in zip(seen, seen[1:])))
    for timeline, audio, _, _ in seen:
        same("place in the audio", audio, timeline)
    browser.js("document.activeElement.blur()")
    before = browser.js(f"return {HEAD}")
    browser.keys("ArrowRight")
    same("ms after a key", browser.js(f"return {HEAD}") - before, 20)
    browser.keys("Shift+ArrowLeft")
    same("ms after another", browser.js(f"return {HEAD}") - before, 20 - 1000)
    quiet(browser)
    return f"play-head at {[int(one[3]) for one in seen]} ms"


@case("a clip is heard, and moves the play-head")
def clip():
    browser = failing()
    heard = browser.js("""const audio = document.querySelector('audio[data-clip$=recorded]'); if (audio.readyState < 1) await new Promise((r) => audio.addEventListener('loadedmetadata', r, { once: true })); return [audio.duration, audio.error]""")
    holds(f"a clip of some length, got {heard}", heard[0] > 0.2 and heard[1] is None)
    browser.js("document.activeElement.blur()")
    before = browser.js(f"return {HEAD}")
    browser.keys("Space")
    browser.until("it plays", "!document.querySelector('audio[data-clip$=recorded]').paused")
    one = browser.js(f"return {HEAD}")
    browser.until("the play-head moves while it plays", f"!document.querySelector('audio[data-clip$=recorded]').paused && {HEAD} > args[0] + 40", one)
    after = browser.js(f"return {HEAD}")
    browser.keys("Space")
    browser.until("it stops", "[...document.querySelectorAll('audio')].every((a) => a.paused || a.ended)")
    holds(f"the play-head moved, from {before} to {after}", after != before)
    quiet(browser)
    return f"{heard[0]:.2f} s, play-head from {before} to {after} ms"


@case("the next finding is shown with its audio")
def next_finding():
    browser = failing()
    whole = browser.js("return document.querySelector('#audio .ruler svg').textContent")
    browser.js("document.activeElement.blur()")
    browser.keys("f")
    see = "document.getElementById('audio').scrollIntoView()"
    browser.until("the finding is marked", "document.querySelector('.one.current')?.dataset.one === '1'")
    shot(browser, "finding-light")
    browser.js(see)
    browser.until("another stretch of time", "document.querySelector('#audio .ruler svg').textContent !== args[0]", whole)
    browser.js("document.getElementById('timeline').scrollIntoView()")
    shot(browser, "zoomed-light")
    browser.keys("0")
    browser.js(see)
    browser.until("all of it again", "document.querySelector('#audio .ruler svg').textContent === args[0]", whole)
    return "zoomed to it, and back"


@case("pictures have something in them")
def pictures():
    browser = failing()
    empty = browser.js("""const empty = []; const places = [...document.querySelectorAll('.wave .plot, .spectrum .plot, .frames .plot, .raster')];
        for (const place of places) { place.scrollIntoView(); await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
        const canvas = place.querySelector('canvas'); if (!canvas) { empty.push(place.parentElement.textContent); continue; }
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); const seen = new Set(); for (let at = 0; at < data.length; at += 4) seen.add(data[at] * 65536 + data[at + 1] * 256 + data[at + 2]);
        let drawn = 0; for (let at = 3; at < data.length; at += 4) drawn += data[at] === 255;
        const least = (canvas.getAttribute('aria-label') ?? '').match(/^Waveform.*said/) ? 2 * canvas.width : 1;
        if (seen.size < 2 || drawn < least || !canvas.getAttribute('aria-label')) empty.push(canvas.getAttribute('aria-label')); } return [empty, places.length]""")
    same("empty pictures", empty[0], [])
    browser.js("document.getElementById('audio').scrollIntoView()")
    shot(browser, "audio-light")
    return f"{empty[1]} pictures, each with something in it and a name"


@case("dark, by the system and by the switch")
def dark():
    browser = failing(scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    by_system = browser.js(f"return {ground}")
    shot(browser, "scenario-dark")
    browser.js("document.getElementById('audio').scrollIntoView()")
    shot(browser, "audio-dark")
    browser.keys("t")
    light = browser.js(f"return {ground}")
    browser.keys("t")
    same("ground by the switch", browser.js(f"return {ground}"), by_system)
    holds("light is another", light != by_system)
    browser.keys("t")
    shot(fresh(scheme="dark"), "overview-dark")
    return f"{by_system} and {light}"


CONTRAST = r"""
const channels = (colour) => { const n = colour.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255, v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = (e) => { for (; e; e = e.parentElement) { const c = channels(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return channels(getComputedStyle(document.body).backgroundColor); };
const low = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || e.closest('script, style, svg, [hidden], dialog, :disabled') || !e.getClientRects().length) continue;
  const [a, b] = [light(channels(getComputedStyle(e).color).slice(0, 3)), light(ground(e).slice(0, 3))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) low.add(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${walker.currentNode.textContent.trim().slice(0, 30)}`);
}
return [...low];
"""


@case("altered audio is drawn as that, in its place")
def altered():
    found = [at for at in numbers(fresh(), "finding") if fresh().js("return document.querySelector(`#list tr[data-order='${args[0]}'] .what`).textContent.includes('altered-audio')", at)]
    holds("the report has altered audio", found)
    browser = scenario(found[0], height=2400)
    told = browser.js("return [...document.querySelectorAll('.strips figcaption')].map((e) => e.textContent)")
    for strip in told:
        frames = {words: int(n.replace(",", "")) for n, words in (part.strip().split(" ", 1) for part in strip.partition(".wav")[2].split("·"))}
        holds(f"most of it is there, got {frames}", frames["there, not sample for sample"] > 400 > 50 >= frames["lost by the recorder: silence in its place"])
    mode = browser.js("return [...document.querySelectorAll('#audio .heading')].map((e) => e.textContent).find((text) => text.startsWith('Read '))")
    holds(f"how it was read, and what was not seen so: {mode}", "by its likeness" in mode and "Not seen so" in mode)
    browser.js("document.getElementById('audio').scrollIntoView(); await new Promise((r) => setTimeout(r, 100))")
    legs = browser.js("return [...document.querySelectorAll('#timeline .leg rect.srtp')].map((e) => e.getBoundingClientRect().left)")
    strips = browser.js('''return [...document.querySelectorAll('#audio .frames canvas')].map((c) => {
        const row = c.getContext('2d').getImageData(0, c.height - 2, c.width, 1).data;
        return c.getBoundingClientRect().left + [...Array(c.width).keys()].find((x) => row[x * 4 + 3]) / devicePixelRatio; })''')
    holds(f"each strip begins where its leg does: {strips} and {legs}", len(legs) == len(strips) == 2 and all(abs(a - b) < 3 for a, b in zip(strips, legs)))
    shot(browser, "altered-light")
    quiet(browser)
    return f"{frames}, begins {abs(legs[0] - strips[0]):.1f} pixels beside its leg"


@case("each finding of a kind is told once, with its pattern")
def pattern():
    browser = failing()
    said = browser.js("return document.querySelector('.card .again')?.textContent ?? ''")
    holds(f"how often, in which pattern, in which other file: {said!r}", "more place" in said and "every 37th packet" in said and "the same in stereo.wav" in said)
    browser.js("const d = document.querySelector('.card details.more'); d.open = true; await new Promise((r) => setTimeout(r, 60))")
    holds("the others are there when they are unfolded", browser.js("return document.querySelectorAll('.card details.more .one').length"))
    quiet(browser)
    return said


@case("a place is told by both clocks")
def clocks():
    browser = failing()
    said = browser.js("return [...document.querySelectorAll('.card dd a')].map((e) => e.textContent).find((text) => text.includes('of the file'))")
    holds(f"where it is in the file and on the time line: {said}", "ms of the file (" in said and "on the time line" in said)
    browser.js("document.getElementById('audio').scrollIntoView(); await new Promise((r) => setTimeout(r, 100))")
    rulers = browser.js("return [...document.querySelectorAll('#audio .ruler')].slice(0, 2).map((e) => e.textContent)")
    holds(f"a ruler of each: {rulers}", "0:01" in rulers[0] and "1,000" in rulers[1])
    return said


@case("everything has a name, headings go down one by one, text can be read")
def accessible():
    for scheme in ("light", "dark"):
        browser = failing(scheme=scheme)
        same(f"text of little contrast, {scheme}", browser.js(CONTRAST), [])
        overview = fresh(scheme=scheme)
        same(f"text of little contrast in the overview, {scheme}", overview.js(CONTRAST), [])
    browser = failing()
    nameless = browser.js("""return [...document.querySelectorAll('button, a, input, select, audio, canvas, [role=img], [role=listbox], [role=group]')].filter((e) => !e.closest('[hidden]') && !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim())).map((e) => e.outerHTML.slice(0, 80))""")
    same("things without a name", nameless, [])
    levels = browser.js("return [...document.querySelectorAll('h1, h2, h3, h4')].filter((e) => !e.closest('[hidden], dialog')).map((e) => Number(e.tagName[1]))")
    same("first heading", levels[0], 1)
    holds(f"headings go down one by one: {levels}", all(b - a <= 1 for a, b in zip(levels, levels[1:])))
    same("ids that stand twice", browser.js("const all = [...document.querySelectorAll('[id]')].map((e) => e.id); return all.filter((id, at) => all.indexOf(id) !== at)"), [])
    return f"{len(levels)} headings, two schemes"


@case("a narrow window needs no scrolling to the side")
def narrow():
    browser = failing(width=390, height=844)
    same("pixels beyond the window", browser.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0)
    shot(browser, "scenario-narrow")
    browser.js("document.getElementById('audio').scrollIntoView()")
    browser.js("await new Promise((r) => setTimeout(r, 60))")
    shot(browser, "audio-narrow")
    browser = fresh(width=390, height=844)
    same("pixels of the overview beyond the window", browser.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0)
    shot(browser, "overview-narrow")
    return "390 pixels"


if __name__ == "__main__":
    try:
        main()
    finally:
        for opened in OPENED:
            opened.close()
