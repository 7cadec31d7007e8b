// The time line: steps, messages, the phones' voices and the legs of each recording, with what happened to them.

/** How an event is written on the line, and in the legend. */
const EVENTS = {
  connected: ["A", "answered"],
  hold: ["H", "hold"],
  resume: ["R", "resumed"],
  pause: ["P", "recording paused"],
  continue: ["C", "recording goes on"],
  ended: ["E", "ended"],
  reinvite: ["I", "re-INVITE"],
  update: ["U", "UPDATE"],
  key: ["K", "another SRTP key"],
  ssrc: ["S", "another SSRC"],
  codec: ["D", "another codec"],
  "recording-begins": ["●", "recording begins"],
  "recording-ends": ["■", "recording ends"],
  other: ["·", "other"],
};
const BADGE = 15;

function timelineSection() {
  const { evidence } = state;
  const section = el("section.timeline", { id: "timeline", "aria-labelledby": "timeline-title" });
  section.append(el("div.title", el("h2", { id: "timeline-title" }, "Time line"), zoomButtons()));
  const tracks = new Tracks("Time line");
  ruler(tracks);
  if (evidence.steps.length) stepTrack(tracks, evidence);
  if (evidence.messages.length) messageTrack(tracks, evidence);
  for (const row of evidence.rows) rowTrack(tracks, row);
  return put(section, tracks.element, eventLegend(evidence), eventTable(evidence));
}

function zoomButtons() {
  const button = (words, label, act) => el("button.small", { type: "button", "aria-label": label, title: label, onclick: act }, words);
  return el("div.zoom", { role: "group", "aria-label": "Zoom" },
    button("−", "Zoom out", () => zoom(2)), button("+", "Zoom in", () => zoom(0.5)), button("All", "Show all", () => setView(state.begin, state.end)));
}

function stepTrack(tracks, evidence) {
  tracks.add({
    name: "Steps",
    height: 24,
    draw: (plot, t) => {
      const boxes = evidence.steps.map((step) => {
        const x = t.x(step.began_us);
        const width = Math.max(t.x(step.ended_us ?? state.end) - x, 2);
        return svg("g.step", { onclick: () => $(`line-${step.line}`)?.scrollIntoView({ block: "center" }) },
          svg("rect", { x, y: 3, width: Math.max(width - 1, 1), height: 18, rx: 2 }), written(step.text, Math.max(x, 0) + 5, 16, Math.min(x + width, t.width) - Math.max(x, 0) - 10));
      });
      plot.replaceChildren(svg("svg", { width: t.width, height: 24, role: "img", "aria-label": `${count(evidence.steps.length, "step")}` }, boxes));
    },
    tip: (us) => {
      const step = stepAt(us);
      return step && [`line ${step.line}: ${step.text}`, `${clock(step.began_us)} to ${clock(step.ended_us ?? state.end)}`];
    },
  });
}

/** Text that is cut where its room ends; nothing where it has none. */
function written(text, x, y, room) {
  const most = Math.floor(room / 6.9);
  if (most < 3) return null;
  return svg("text", { x, y }, text.length > most ? `${text.slice(0, most - 1)}…` : text);
}

function messageTrack(tracks, evidence) {
  const nearest = (us, t) => {
    const at = nearestMessage(us);
    return at !== null && Math.abs(t.x(evidence.messages[at].at_us) - t.x(us)) < 6 ? at : null;
  };
  const track = tracks.add({
    name: "SIP",
    about: "click: the message",
    height: 24,
    className: "sip",
    draw: (plot, t) => {
      const ticks = evidence.messages.map((message) => {
        const x = Math.round(t.x(message.at_us)) + 0.5;
        const wrong = message.notes?.length || message.findings?.length;
        return x < 0 || x > t.width ? null : svg(`path.${wrong ? "wrong" : message.kind}`, { d: wrong ? `M${x} 4V21` : `M${x} 9V21` });
      });
      plot.replaceChildren(svg("svg", { width: t.width, height: 24, role: "img", "aria-label": count(evidence.messages.length, "message") }, ticks));
    },
    tip: (us) => {
      const at = nearest(us, tracks);
      return at !== null && messageWords(evidence.messages[at]);
    },
  });
  track.plot.addEventListener("click", (event) => {
    const at = nearest(tracks.us(tracks.place(event) ?? 0), tracks);
    if (at !== null) openMessage(at);
  });
}

const messageWords = (m) => [`${m.label}${m.sdp ? " with SDP" : ""}`, `${columnName(m.from)} → ${columnName(m.to)}, ${clock(m.at_us)}`, ...(m.notes ?? [])];
const columnName = (at) => state.evidence.columns[at]?.name ?? "?";

function rowTrack(tracks, row) {
  const levels = Math.min(3, levelsOf(row, 900));
  const top = row.events.length ? 4 + levels * (BADGE + 2) : 5;
  const height = top + 20;
  const first = row.spans[0];
  const label = state.evidence.recordings[row.recording]?.label ?? row.name;
  const name = row.kind === "leg" ? `${row.leg} leg${label.match(/, no\. \d+/)?.[0] ?? ""}` : row.name;
  const about = row.kind === "leg" ? label.replace(/ \(refci.*/, "") : "voice";
  tracks.add({
    name,
    about,
    height,
    className: row.kind,
    draw: (plot, t) => {
      const bars = row.spans.flatMap((s) => {
        const x = t.x(s.from_us);
        const width = Math.max(t.x(s.until_us) - x, 2);
        const words = `${s.codec}, ${s.suite ?? "in clear"}`;
        return [svg(`rect.${s.suite ? "srtp" : "clear"}`, { x, y: top, width, height: 16, rx: 2 }), written(words, Math.max(x, 0) + 5, top + 12, Math.min(x + width, t.width) - Math.max(x, 0) - 10)];
      });
      const badges = placed(row, t).map(({ event, x, level }) => {
        const [letter] = EVENTS[event.kind] ?? EVENTS.other;
        const y = 2 + Math.min(level, levels - 1) * (BADGE + 2);
        return svg(`g.event.${event.kind}`, svg("path", { d: `M${x} ${y + BADGE}V${top + 16}` }), svg("rect", { x: x - BADGE / 2, y, width: BADGE, height: BADGE, rx: 3 }), svg("text", { x, y: y + 11.5, "text-anchor": "middle" }, letter));
      });
      const said = `${row.name}: ${count(row.spans.length, "stream")}, ${count(row.events.length, "event")}`;
      plot.replaceChildren(svg("svg", { width: t.width, height, role: "img", "aria-label": said }, bars, badges));
    },
    tip: (us, y) => {
      const near = placed(row, tracks).filter((p) => Math.abs(p.x - tracks.x(us)) <= BADGE / 2 + 1);
      if (y < top && near.length) return near.flatMap(({ event }) => [`${clock(event.at_us)}  ${event.what}`]);
      const s = row.spans.find((one) => us >= one.from_us && us <= one.until_us);
      return s && [row.name, `${s.codec}, ${s.suite ?? "RTP in clear"}, SSRC ${hex(s.ssrc)}`, `${s.source} → ${s.destination}`,
        `${count(s.packets, "packet")}, ${thousands(s.lost)} lost by the network${s.not_genuine ? `, ${thousands(s.not_genuine)} not genuine` : ""}`];
    },
  });
}

const hex = (n) => `0x${n.toString(16).padStart(8, "0")}`;

/** Events in view, each on the first level where it covers no other. */
function placed(row, t) {
  const ends = [];
  return row.events.flatMap((event) => {
    const x = t.x(event.at_us);
    if (x < -BADGE || x > t.width + BADGE) return [];
    let level = ends.findIndex((end) => end < x - BADGE / 2);
    if (level < 0) level = ends.length;
    ends[level] = x + BADGE / 2 + 1;
    return [{ event, x: clamp(x, BADGE / 2, t.width - BADGE / 2), level }];
  });
}

function levelsOf(row, width) {
  const whole = { width, x: (us) => ((us - state.begin) / (state.end - state.begin)) * width };
  return Math.max(1, ...placed(row, whole).map((p) => p.level + 1));
}

function eventLegend(evidence) {
  const kinds = new Set(evidence.rows.flatMap((row) => row.events.map((event) => event.kind)));
  const list = el("ul.legend");
  for (const [kind, [letter, words]] of Object.entries(EVENTS)) {
    if (kinds.has(kind)) list.append(el("li", el(`span.badge.${kind}`, letter), words));
  }
  if (evidence.rows.some((row) => row.spans.some((s) => s.suite))) list.append(el("li", el("span.swatch.srtp"), "SRTP"));
  if (evidence.rows.some((row) => row.spans.some((s) => !s.suite))) list.append(el("li", el("span.swatch.clear"), "RTP in clear"));
  return list;
}

/** The same for those who read rather than look. */
function eventTable(evidence) {
  const events = evidence.rows.flatMap((row) => row.events.map((event) => [event.at_us, row.name, event.what]));
  if (!events.length) return null;
  events.sort((a, b) => a[0] - b[0]);
  return folded(`The ${count(events.length, "event")} as a table`, () =>
    table(["At", "On", "What"], events.map(([us, name, what]) => [moment(us), name, what])));
}

/** A time that moves the play-head. */
const moment = (us) => el("button.link.time", { type: "button", onclick: () => setHead(us) }, clock(us));

/** Something that is made when it is opened. */
function folded(words, make) {
  const details = el("details", el("summary", words));
  details.addEventListener("toggle", () => details.open && details.childElementCount === 1 && details.append(make()));
  return details;
}

function table(heads, rows, numbers = []) {
  const cell = (n) => (numbers.includes(n) ? { class: "number" } : null);
  return el("div.scroll", el("table", el("thead", el("tr", heads.map((head, n) => el("th", { scope: "col" }, cell(n), head)))),
    el("tbody", rows.map((row) => el("tr", row.map((value, n) => el("td", cell(n), value)))))));
}

