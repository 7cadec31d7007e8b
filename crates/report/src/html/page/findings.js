// What is to be mended: the findings, each with where it is and how it sounds.

function findingsSection() {
  const { outcome } = state;
  const section = el("section.findings", { "aria-labelledby": "fix" });
  const told = el("div");
  section.append(told);
  told.append(el("h2", { id: "fix" }, headingOf(outcome)));
  if (outcome.reason) told.append(el("p.reason", outcome.reason));
  const todo = outcome.findings.length ? null : FIXES.get(`verdict ${outcome.verdict}`);
  if (todo) told.append(el("p.fix", el("b", "To do"), todo));
  if (outcome.verdict === "pass") told.append(el("p", passed(outcome)));
  const groups = grouped(outcome.findings);
  const list = el("ol.cards");
  for (const group of groups) list.append(card(group));
  told.append(list);
  for (const tried of outcome.earlier ?? []) told.append(earlierTry(tried));
  if (outcome.not_checked?.length) {
    told.append(el("p.quiet", "Not checked, since this recorder shows only its files: ", outcome.not_checked.join("; "), "."));
  }
  return section;
}

function headingOf(outcome) {
  if (outcome.findings.length) return "What to fix";
  return {
    pass: "Nothing to fix",
    "setup-error": "Why it could not be set up",
    inconclusive: "Why nothing can be said",
    skipped: "Why it was skipped",
    "not-run": "Why it was not run",
    flaky: "What failed before it passed",
  }[outcome.verdict] ?? "What came of it";
}

const passed = (outcome) =>
  `${count(outcome.frames_compared, "frame")} of audio ${outcome.frames_compared === 1 ? "was" : "were"} compared with what was said, sample by sample, and nothing is wrong.`;

/** Findings of one rule stand together, and within it those of one leg: `[[first, ...others], ...]` a rule. */
function grouped(findings) {
  const rules = new Map();
  findings.forEach((finding, at) => {
    if (!rules.has(finding.rule)) rules.set(finding.rule, new Map());
    const legs = rules.get(finding.rule);
    // Only what was heard somewhere in the audio comes many times for one reason.
    const key = finding.audio_ms ? `${finding.recording}\n${finding.leg}` : `\n${at}`;
    if (!legs.has(key)) legs.set(key, []);
    legs.get(key).push(at);
  });
  return [...rules.values()].map((legs) => [...legs.values()]);
}

/** A card for all findings of a rule: the first in full, then each other leg in a line, folded with all that is theirs. */
function card(legs) {
  const finding = state.outcome.findings[legs[0][0]];
  const all = legs.flat();
  const item = el("li.card", { "data-finding": all[0] });
  item.append(el("h3", el("span.number", numbers(all)), el("code", finding.rule)), one(all[0]));
  const again = pattern(legs[0]);
  if (again) item.append(el("p.again", el("span.quiet", "And"), el("span", again)));
  const fix = FIXES.get(finding.rule) ?? FIXES.get(`${finding.rule} ${finding.found.match(/\([^(]*\)$/)?.[0]}`);
  if (fix) item.append(el("p.fix", el("b", "To fix"), fix));
  const others = legs[0].slice(1);
  if (others.length) item.append(more(count(others.length, "more finding") + " of this leg", others));
  for (const leg of legs.slice(1, MOST_LEGS)) item.append(more(legWords(leg), leg));
  const rest = legs.slice(MOST_LEGS).flat();
  if (rest.length) item.append(more(`${count(rest.length, "more finding")} of this rule`, rest));
  return item;
}

/** Legs that a card has a line for, before it only counts them. */
const MOST_LEGS = 5;
/** Findings that are shown at once where they are many. */
const MOST_SHOWN = 50;

function one(at) {
  const found = state.outcome.findings[at];
  return el("div.one", { "data-one": at }, el("dl.terms", el("dt", "Expected"), el("dd", found.expected), el("dt", "Found"), el(found.found.length < 160 ? "dd.found" : "dd", found.found), el("dt", "Where"), el("dd", where(at))), clips(at));
}

/** Further findings, made when they are unfolded or looked at. */
function more(words, findings) {
  const details = el("details.more", el("summary", words));
  let shown = 0;
  const unfold = (until) => {
    if (shown >= until) return;
    details.querySelector(":scope > button")?.remove();
    details.append(...findings.slice(shown, until).map(one));
    shown = until;
    if (shown < findings.length) {
      const next = Math.min(findings.length, shown + MOST_SHOWN);
      details.append(el("button.small", { type: "button", onclick: () => unfold(next) }, `Show ${thousands(next - shown)} more`));
    }
    markFinding();
  };
  details.addEventListener("toggle", () => details.open && unfold(Math.min(findings.length, MOST_SHOWN)));
  on("finding", () => {
    const at = findings.indexOf(state.finding);
    if (at < 0) return;
    unfold(Math.max(shown, at + 1));
    details.open = true;
  });
  return details;
}

/** The beginning of what may be long. */
const cut = (text) => (text.length > 140 ? `${text.slice(0, 139).trimEnd()}…` : text);

/** What a further leg's findings are, on one line. */
function legWords(leg) {
  const first = state.outcome.findings[leg[0]];
  const again = pattern(leg);
  const of = [first.leg ? `${first.leg} leg` : null, first.recording ? `recording ${first.recording}` : null].filter(Boolean).join(" of ");
  return `${of ? `${of}: ` : ""}${cut(first.found)}${again ? `; and ${again}` : ""}`;
}

/** What else there is of the kind, with its pattern and the other files, as the text report has it. */
function pattern(leg) {
  const all = leg.map((at) => state.outcome.findings[at]);
  const files = new Map();
  for (const finding of all) files.set(finding.file, [...(files.get(finding.file) ?? []), finding]);
  const own = files.get(all[0].file);
  files.delete(all[0].file);
  const further = places(own) - 1;
  const parts = [];
  const step = everyNth(own);
  if (further > 0) parts.push(`${count(further, "more place")}${step ? `, every ${ordinal(step)} packet` : ""}`);
  for (const [file, theirs] of files) {
    const n = places(theirs);
    parts.push(n === further + 1 ? `the same in ${file}` : `${thousands(n)} in ${file}`);
  }
  return parts.join("; ") || null;
}

/** What the verifier begins the last finding of a kind with, where it sums up all further ones. */
const SUM = /^the same in ([\d,]+) /;
const places = (findings) => findings.reduce((sum, finding) => sum + Number(finding.found.match(SUM)?.[1].replaceAll(",", "") ?? 1), 0);

/** Each how many-th packet they are about, where that is always the same, or a multiple of it. */
function everyNth(findings) {
  const firsts = findings.filter((finding) => finding.packets && !SUM.test(finding.found)).map((finding) => finding.packets[0]);
  const steps = firsts.slice(1).map((packet, n) => (packet - firsts[n] + 65536) % 65536);
  const least = Math.min(...steps.filter((step) => step > 1));
  if (steps.length < 2 || !Number.isFinite(least) || Math.min(...steps) <= 1) return null;
  const usual = steps.filter((step) => step === least).length * 2 > steps.length;
  return usual && steps.every((step) => step % least === 0) ? least : null;
}

function ordinal(n) {
  const ending = { one: "st", two: "nd", few: "rd", other: "th" }[new Intl.PluralRules("en", { type: "ordinal" }).select(n)];
  return `${n}${ending}`;
}

/** What is to be done about the rules that were broken. */
const FIXES = new Map([...document.querySelectorAll("#fixes dt")].map((rule) => [rule.textContent, rule.nextElementSibling.textContent]));

/** A try beside the one that counts. */
function earlierTry(tried) {
  const terms = tried.findings.map((found) => el("div.one", el("h4", el("code", found.rule)), el("dl.terms", el("dt", "Expected"), el("dd", found.expected), el("dt", "Found"), el("dd", found.found))));
  return el("details.more.earlier", { open: state.outcome.verdict === "flaky" }, el("summary", `Try ${tried.number} ended in `, verdict(tried.verdict)), tried.reason ? el("p.reason", tried.reason) : null, terms);
}

/** `1`, or `1–20` for findings that follow each other. */
function numbers(group) {
  const run = group.length > 1 && group.at(-1) - group[0] === group.length - 1;
  return run ? `${group[0] + 1}–${group.at(-1) + 1}` : String(group[0] + 1);
}

/** Messages a finding names, before it only counts them. */
const MOST_MESSAGES = 3;

/** Where a finding is, each part a way there. */
function where(at) {
  const finding = state.outcome.findings[at];
  const parts = [];
  if (finding.line) parts.push(el("a", { href: `#line-${finding.line}`, onclick: (e) => go(e, `line-${finding.line}`) }, `line ${finding.line} of the scenario`));
  if (finding.recording) parts.push(`recording ${finding.recording}`);
  if (finding.leg) parts.push(`${finding.leg} leg`);
  if (finding.file) parts.push(`file ${finding.file}`);
  if (finding.audio_ms) parts.push(el("a", { href: "#audio", onclick: (e) => { setFinding(at); go(e, "audio"); } }, heardAt(at, finding)));
  if (finding.packets) parts.push(finding.packets[0] === finding.packets[1] ? `packet ${finding.packets[0]}` : `packets ${finding.packets[0]} to ${finding.packets[1]}`);
  const messages = (state.evidence?.messages ?? []).flatMap((message, number) => ((message.findings ?? []).includes(at) ? [[message, number]] : []));
  for (const [message, number] of messages.slice(0, MOST_MESSAGES)) {
    parts.push(el("a", { href: "#ladder", onclick: (e) => { openMessage(number); go(e, "ladder"); } }, `${message.label} at ${clock(message.at_us)}`));
  }
  if (messages.length > MOST_MESSAGES) parts.push(`${count(messages.length - MOST_MESSAGES, "more message")}, marked in the ladder`);
  if (!parts.length) parts.push("the whole scenario");
  return parts.flatMap((part, n) => (n ? [", ", part] : [part]));
}

/** Where in the audio, by both clocks. */
function heardAt(at, finding) {
  const place = placeOf(at);
  return place ? `${stretch(finding.audio_ms)} (${clock(place.from)} on the time line)` : stretch(finding.audio_ms);
}

/** Scrolls to a section without leaving the scenario. */
function go(event, id) {
  event.preventDefault();
  const target = $(id);
  target?.scrollIntoView({ block: "start" });
  target?.focus?.({ preventScroll: true });
}

/** The clips of a finding: the same stretch as it was said and as it was recorded. */
function clips(at) {
  const box = el("div.clips");
  for (const [channel, clip] of clipsOf(at)) {
    const about = `${channel.file}${channel.leg ? `, ${channel.leg} leg` : ""}, ${stretch([clip.from_ms, clip.from_ms + Math.round(((clip.recorded.length * 3) / 4 / clip.rate) * 1000)])}`;
    const pair = el("figure.clip", el("figcaption", about));
    for (const [what, data] of [["said", clip.said], ["recorded", clip.recorded]]) {
      if (data) pair.append(el("label", el("span", what === "said" ? "What was said" : "What was recorded"), player(channel, clip, what, data, at)));
    }
    box.append(pair);
  }
  return box;
}

/** The clips around a finding, with the channels they are of. */
function clipsOf(at) {
  const found = [];
  for (const channel of state.evidence?.channels ?? []) {
    for (const clip of channel.clips ?? []) if (clip.finding === at) found.push([channel, clip]);
  }
  return found;
}

