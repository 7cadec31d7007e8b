// The page of one scenario.

async function openScenario(at) {
  const place = $("scenario");
  silence();
  hideTip();
  place.replaceChildren(el("p.quiet", "Unpacking…"));
  $("overview").hidden = true;
  place.hidden = false;
  try {
    const opened = await outcome(at);
    if (location.hash !== `#s${at}`) return;
    begin(at, opened);
    const first = placeOf(0);
    if (first) state.head = first.from;
    place.replaceChildren(...scenarioPage());
    markFinding();
    document.title = `${opened.title} · mixedmode`;
    scrollTo(0, 0);
    place.querySelector("h1").focus({ preventScroll: true });
  } catch (error) {
    place.replaceChildren(el("p.notice", `This scenario cannot be shown: ${error.message}.`), el("p", el("a", { href: "#" }, "Back to the overview")));
    console.error(error);
  }
}

function scenarioPage() {
  const { outcome, evidence } = state;
  const parts = [heading(outcome), transport(evidence), el("div.first", findingsSection(), sourceSection())];
  const happened = evidence || outcome.frames_compared || outcome.findings.length;
  if (!evidence && happened) parts.push(el("p.notice", "This outcome was made without evidence: there is no ladder, no time line and no audio to show."));
  if (evidence?.rows.length || evidence?.steps.length) parts.push(timelineSection());
  if (evidence?.channels.length) parts.push(audioSection());
  if (evidence?.channels.some((c) => c.strip.length)) parts.push(framesSection());
  if (evidence?.messages.length) parts.push(ladderSection());
  if (happened) {
    const figures = figuresSection();
    if (figures.childElementCount > 1) parts.push(figures);
    parts.push(storySection());
  }
  const links = [["fix", headingOf(outcome)], ...parts.filter((p) => p.id).map((p) => [p.id, p.querySelector("h2").textContent])];
  parts[1].prepend(el("nav", { "aria-label": "Sections" }, links.map(([id, words]) => el("a", { href: `#${id}`, onclick: (e) => go(e, id) }, words))));
  on("finding", () => markFinding());
  return parts;
}

function heading(outcome) {
  const order = shownRows().map((row) => Number(row.dataset.order));
  const now = order.indexOf(state.at);
  const link = (at, words) => (order[at] === undefined ? null : el("a", { href: `#s${order[at]}`, title: linkOf(rows.find((r) => Number(r.dataset.order) === order[at])).textContent }, words));
  const facts = [
    outcome.file,
    outcome.frames_compared ? `${count(outcome.frames_compared, "frame")} proven` : null,
    state.end > state.begin ? `${figure((state.end - state.begin) / 1e6)} s long` : null,
    outcome.lateness.packets ? `harness p95 ${(outcome.lateness.p95_us / 1000).toFixed(2)} ms late` : null,
    state.evidence ? `seed ${state.evidence.seed}` : null,
  ];
  return el("header.scenario", el("nav.crumbs", { "aria-label": "Scenarios" }, el("a", { href: "#" }, "Overview"), now > 0 ? link(now - 1, "Previous") : null, now >= 0 ? link(now + 1, "Next") : null),
    el("h1", { tabindex: "-1" }, verdict(outcome.verdict), " ", outcome.title), el("p.facts-line", facts.filter(Boolean).map((fact) => el("span", fact))));
}

/** The bar that stays: sections, and the play-head with what it stands at. */
function transport(evidence) {
  const bar = el("div.transport");
  if (!evidence) return bar;
  const range = el("input", { type: "range", id: "play-head", min: 0, max: Math.ceil(state.end / 1000), step: 1, "aria-label": "Play-head" });
  const time = el("output", { for: "play-head" });
  const step = el("span.at");
  range.addEventListener("input", () => setHead(Number(range.value) * 1000, range));
  const show = () => {
    range.value = String(Math.round(state.head / 1000));
    range.setAttribute("aria-valuetext", clock(state.head));
    time.textContent = clock(state.head);
    const now = stepAt(state.head);
    step.textContent = now ? `${now.line}  ${now.text}` : "";
  };
  on("head", show);
  show();
  bar.append(el("div.play", time, range, step));
  return bar;
}

function markFinding() {
  for (const one of document.querySelectorAll("[data-one]")) one.classList.toggle("current", Number(one.dataset.one) === state.finding && state.outcome.findings.length > 1);
}

function closeScenario() {
  silence();
  hideTip();
  const was = state.at;
  state.at = null;
  $("scenario").hidden = true;
  $("scenario").replaceChildren();
  $("overview").hidden = false;
  document.title = titleOfRun;
  const row = rows.find((r) => Number(r.dataset.order) === was);
  if (row && !row.hidden) linkOf(row).focus();
}

