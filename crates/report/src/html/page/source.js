// The scenario's own text, with the lines that findings name, and the step at the play-head.

function sourceSection() {
  const { evidence, outcome } = state;
  const section = el("section.source", { "aria-labelledby": "source-title" }, el("h2", { id: "source-title" }, "Scenario"));
  if (!evidence?.source) {
    section.append(el("p.quiet", evidence ? "Files were judged against a kept ledger, which has not the scenario's text." : outcome.frames_compared || outcome.findings.length ? "Its text was not kept: this outcome was made without evidence." : `Nothing of ${outcome.file} was run.`));
    return put(section, evidence ? replay(evidence) : null);
  }
  const marks = marksOf(outcome, evidence);
  const list = el("ol.code");
  evidence.source.replace(/\n$/, "").split("\n").forEach((text, at) => {
    const mark = marks.get(at + 1);
    const line = el("li", { id: `line-${at + 1}`, tabindex: "-1" }, el("span.no", { "aria-hidden": "true" }, String(at + 1)), el("code", coloured(text)));
    if (mark?.named) line.classList.add("failed");
    else if (mark) line.classList.add("during");
    if (mark) line.append(el("span.remark", { title: [...mark.words].join("; ") }, remark([...mark.words])));
    list.append(line);
  });
  put(section, el("div.code-box", list), replay(evidence));
  const steps = new Set(evidence.steps.map((step) => step.line));
  for (const line of list.children) {
    const number = Number(line.id.slice(5));
    if (!steps.has(number)) continue;
    line.classList.add("step");
    line.addEventListener("click", () => setHead(evidence.steps.find((step) => step.line === number).began_us));
  }
  const now = () => {
    const step = stepAt(state.head);
    for (const line of list.querySelectorAll(".now")) line.classList.remove("now");
    if (step) list.children[step.line - 1]?.classList.add("now");
  };
  on("head", now);
  now();
  return section;
}

/** Rules that a line has room for, before it only counts them. */
const MOST_RULES = 2;
const remark = (rules) => rules.slice(0, MOST_RULES).join("; ") + (rules.length > MOST_RULES ? `; and ${rules.length - MOST_RULES} more` : "");

/** Which lines are marked: those that findings name, and the steps during which one is heard or seen. */
function marksOf(outcome, evidence) {
  const marks = new Map();
  const mark = (line, named, words) => {
    const known = marks.get(line) ?? { named: false, words: new Set() };
    known.named ||= named;
    known.words.add(words);
    marks.set(line, known);
  };
  outcome.findings.forEach((finding, at) => {
    if (finding.line) return mark(finding.line, true, finding.rule);
    const place = finding.audio_ms || evidence.messages.some((m) => (m.findings ?? []).includes(at)) ? placeOf(at) : null;
    const step = place && stepAt(place.from);
    if (step) mark(step.line, false, finding.rule);
  });
  return marks;
}

/** A line of YAML with comment and key set apart. */
function coloured(text) {
  const comment = text.match(/^(.*?)((?:^|\s)#.*)$/);
  const [body, rest] = comment ? [comment[1], comment[2]] : [text, ""];
  const key = body.match(/^(\s*(?:- )?)([\w -]+?)(:)(.*)$/);
  const parts = key ? [key[1], el("b", key[2]), key[3], key[4]] : [body];
  return rest ? [...parts, el("i", rest)] : parts;
}

function replay(evidence) {
  if (!evidence.replay) return null;
  return el("div.replay", el("h3", "Replay"), el("div.command", el("code", evidence.replay), copier(() => evidence.replay)));
}

