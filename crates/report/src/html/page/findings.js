// What is to be mended: the findings, each with where it is and how it sounds.

function findingsSection() {
  const { outcome } = state;
  const section = el("section.findings", { "aria-labelledby": "fix" });
  const told = el("div");
  section.append(told);
  told.append(el("h2", { id: "fix" }, headingOf(outcome)));
  if (outcome.reason) told.append(el("p.reason", outcome.reason));
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
  return { pass: "Nothing to fix", "setup-error": "Why it could not be set up", inconclusive: "Why nothing can be said", skipped: "Why it was skipped" }[outcome.verdict] ?? "What came of it";
}

const passed = (outcome) =>
  `${count(outcome.frames_compared, "frame")} of audio ${outcome.frames_compared === 1 ? "was" : "were"} compared with what was said, sample by sample, and nothing is wrong.`;

/** Findings of one rule stand together. */
function grouped(findings) {
  const groups = new Map();
  findings.forEach((finding, at) => {
    if (!groups.has(finding.rule)) groups.set(finding.rule, []);
    groups.get(finding.rule).push(at);
  });
  return [...groups.values()];
}

function card(group) {
  const finding = state.outcome.findings[group[0]];
  const item = el("li.card", { "data-finding": group[0] });
  item.append(el("h3", el("span.number", numbers(group)), el("code", finding.rule)));
  const one = (at) => {
    const found = state.outcome.findings[at];
    return el("div.one", { "data-one": at }, el("dl.terms", el("dt", "Expected"), el("dd", found.expected), el("dt", "Found"), el(found.found.length < 160 ? "dd.found" : "dd", found.found), el("dt", "Where"), el("dd", where(at))), clips(at));
  };
  item.append(one(group[0]));
  const fix = FIXES.get(finding.rule);
  if (fix) item.append(el("p.fix", el("b", "To fix"), fix));
  if (group.length > 1) {
    const more = el("details.more", el("summary", `${count(group.length - 1, "more finding")} of this rule`));
    const unfold = () => more.childElementCount === 1 && more.append(...group.slice(1).map(one));
    more.addEventListener("toggle", () => more.open && unfold());
    on("finding", () => {
      if (!group.includes(state.finding, 1)) return;
      unfold();
      more.open = true;
    });
    item.append(more);
  }
  return item;
}

/** What is to be done about the rules that were broken. */
const FIXES = new Map([...document.querySelectorAll("#fixes dt")].map((rule) => [rule.textContent, rule.nextElementSibling.textContent]));

/** A try beside the one that counts. */
function earlierTry(tried) {
  const terms = tried.findings.map((found) => el("div.one", el("h4", el("code", found.rule)), el("dl.terms", el("dt", "Expected"), el("dd", found.expected), el("dt", "Found"), el("dd", found.found))));
  return el("details.more.earlier", el("summary", `Try ${tried.number} ended in `, verdict(tried.verdict)), tried.reason ? el("p.reason", tried.reason) : null, terms);
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
  if (finding.audio_ms) parts.push(el("a", { href: "#audio", onclick: (e) => { setFinding(at); go(e, "audio"); } }, `audio ${span(finding.audio_ms)}`));
  if (finding.packets) parts.push(finding.packets[0] === finding.packets[1] ? `packet ${finding.packets[0]}` : `packets ${finding.packets[0]} to ${finding.packets[1]}`);
  const messages = (state.evidence?.messages ?? []).flatMap((message, number) => ((message.findings ?? []).includes(at) ? [[message, number]] : []));
  for (const [message, number] of messages.slice(0, MOST_MESSAGES)) {
    parts.push(el("a", { href: "#ladder", onclick: (e) => { openMessage(number); go(e, "ladder"); } }, `${message.label} at ${clock(message.at_us)}`));
  }
  if (messages.length > MOST_MESSAGES) parts.push(`${count(messages.length - MOST_MESSAGES, "more message")}, marked in the ladder`);
  if (!parts.length) parts.push("the whole scenario");
  return parts.flatMap((part, n) => (n ? [", ", part] : [part]));
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
    const about = `${channel.file}${channel.leg ? `, ${channel.leg} leg` : ""}, from ${clock(clip.from_ms * 1000)}`;
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

