// The ladder: a column a party, an arrow a message, the steps of the scenario between them.

const ROW = 30;
const STEP_ROW = 30;
const TIMES = 84;
/** A pause longer than this is said in words. */
const PAUSE_US = 400_000;
/** More rows than these are drawn only when asked for. */
const MOST_ROWS = 2000;

const ladder = { selected: null, party: "", call: "", connections: false, all: false, rows: [], draw: () => {} };

function ladderSection() {
  const { evidence } = state;
  Object.assign(ladder, { selected: null, party: "", call: "", connections: false, all: false, rows: [] });
  // Where nobody came to say anything, the connections are all there is.
  ladder.connections = evidence.messages.every((m) => m.kind === "connection");
  const section = el("section.ladder", { id: "ladder", tabindex: "-1", "aria-labelledby": "ladder-title" });
  const heads = el("div.heads", { "aria-hidden": "true" });
  const drawing = el("div.drawing", { role: "listbox", tabindex: "0", "aria-label": "Messages" });
  const line = el("div.level", { "aria-hidden": "true" });
  const body = el("div.body", heads, el("div.field", drawing, line));
  const told = el("p.quiet", { role: "status" });
  section.append(el("div.title", el("h2", { id: "ladder-title" }, "SIP ladder"), ladderFilters(evidence)), told, el("div.pair", body, messagePanel()), ladderLegend());
  ladder.draw = () => drawLadder(heads, drawing, told);
  const place = () => {
    const y = levelOf(state.head);
    line.hidden = y === null;
    if (y !== null) line.style.transform = `translateY(${y}px)`;
  };
  ladder.place = place;
  on("head", (by) => {
    place();
    if (by !== drawing) follow(body);
  });
  drawing.addEventListener("pointermove", (event) => {
    const us = timeOf(event.clientY - drawing.getBoundingClientRect().top);
    if (us !== null) setHead(us, drawing);
  });
  drawing.addEventListener("click", (event) => {
    const row = event.target.closest("[data-message]");
    if (row) openMessage(Number(row.dataset.message), drawing);
  });
  let width = 0;
  new ResizeObserver(() => {
    if (Math.abs(body.clientWidth - width) < 2) return;
    width = body.clientWidth;
    ladder.draw();
  }).observe(body);
  const wanted = [(m) => m.findings?.length, (m) => m.notes?.length, (m) => evidence.columns[m.to]?.kind === "recorder" && m.kind !== "connection", () => true];
  ladder.selected = wanted.map((fits) => evidence.messages.findIndex(fits)).find((at) => at >= 0);
  showMessage(ladder.selected);
  return section;
}

function ladderFilters(evidence) {
  const choose = (key, label, options) => {
    const select = el("select", { "aria-label": label, id: `ladder-${key}` }, options.map(([value, words]) => el("option", { value }, words)));
    select.addEventListener("change", () => {
      ladder[key] = select.value;
      ladder.draw();
    });
    return select;
  };
  const parties = evidence.columns.map((column, at) => [String(at), column.name]);
  const tick = el("input", { type: "checkbox", id: "ladder-connections", checked: ladder.connections });
  tick.addEventListener("change", () => {
    ladder.connections = tick.checked;
    ladder.draw();
  });
  const has = evidence.messages.some((m) => m.kind === "connection");
  return el("div.filters", choose("party", "Party", [["", "All parties"], ...parties]), choose("call", "Call-ID", [["", "All calls"], ...callsOf(evidence)]),
    has ? el("label", tick, "connections") : null);
}

/** Call-IDs in order, named by what they are of. */
function callsOf(evidence) {
  const calls = new Map();
  for (const message of evidence.messages) {
    if (!message.call_id) continue;
    const call = calls.get(message.call_id) ?? { count: 0, words: `${message.label} from ${columnName(message.from)}` };
    call.count += 1;
    calls.set(message.call_id, call);
  }
  for (const recording of evidence.recordings) {
    recording.call_ids.forEach((id, leg) => calls.has(id) && (calls.get(id).words = `${leg ? "far" : "near"} leg of ${recording.label}`));
  }
  return [...calls].map(([id, call]) => [id, `${call.words}, ${count(call.count, "message")}`]);
}

function isShown(message) {
  if (message.kind === "connection" && !ladder.connections && !message.notes?.length && !message.findings?.length) return false;
  if (ladder.party && String(message.from) !== ladder.party && String(message.to) !== ladder.party) return false;
  return !ladder.call || message.call_id === ladder.call;
}

/** What stands under each other: messages, the steps between them, and pauses. */
function ladderRows() {
  const { evidence } = state;
  const shown = evidence.messages.map((message, at) => ({ at, us: message.at_us })).filter(({ at }) => isShown(evidence.messages[at]));
  const kept = ladder.all ? shown : shown.slice(0, MOST_ROWS);
  const rows = [];
  let [y, steps, before] = [0, [...evidence.steps], null];
  for (const { at, us } of kept) {
    while (steps.length && steps[0].began_us <= us) {
      const step = steps.shift();
      rows.push({ step, us: step.began_us, y, height: STEP_ROW });
      y += STEP_ROW;
      before = null;
    }
    const pause = before !== null && us - before > PAUSE_US ? us - before : 0;
    if (pause) y += 14;
    rows.push({ at, us, y, height: ROW, pause });
    y += ROW;
    before = us;
  }
  for (const step of steps) {
    rows.push({ step, us: step.began_us, y, height: STEP_ROW });
    y += STEP_ROW;
  }
  return { rows, height: y + 8, more: shown.length - kept.length, shown: shown.length };
}

function drawLadder(heads, drawing, told) {
  const { evidence } = state;
  const { rows, height, more, shown } = ladderRows();
  ladder.rows = rows;
  const used = new Set(rows.flatMap((row) => (row.step ? [] : [evidence.messages[row.at].from, evidence.messages[row.at].to])));
  const columns = evidence.columns.map((_, at) => at).filter((at) => used.has(at));
  const room = drawing.parentElement.parentElement.clientWidth - TIMES - 14;
  const pitch = Math.max(118, Math.floor(room / Math.max(columns.length, 1)));
  const x = new Map(columns.map((at, n) => [at, TIMES + pitch * (n + 0.5)]));
  const width = TIMES + pitch * columns.length;
  const names = columns.map((at) => {
    const column = evidence.columns[at];
    const name = el("div", { title: [column.name, column.about, ...column.addresses].filter(Boolean).join("\n") }, el("b", column.name), el("small", column.about || " "));
    name.style.width = `${pitch}px`;
    return name;
  });
  heads.replaceChildren(...names);
  heads.style.width = `${width}px`;
  heads.style.paddingLeft = `${TIMES}px`;
  const lines = columns.map((at) => svg("path.life", { d: `M${x.get(at)} 0V${height}` }));
  const drawn = rows.map((row) => (row.step ? stepRow(row, width) : messageRow(row, x)));
  drawing.replaceChildren(svg("svg", { width, height, role: "presentation" }, arrowheads(), lines, drawn));
  drawing.parentElement.style.width = `${width}px`;
  told.replaceChildren(shown === evidence.messages.length ? "" : `${thousands(shown)} of ${count(evidence.messages.length, "message")} shown${ladder.party || ladder.call || ladder.connections ? "" : ", without connections that began and ended well"}. `);
  if (more) told.append(el("button.link", { type: "button", onclick: () => { ladder.all = true; ladder.draw(); } }, `Draw the last ${thousands(more)} too`));
  ladder.place();
}

function arrowheads() {
  const head = (id) => svg("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" }, svg("path", { d: "M0 0.5 7.5 4 0 7.5Z", fill: "context-stroke" }));
  return svg("defs", head("arrow"));
}

function stepRow({ step, y }, width) {
  return svg("g.step", svg("path", { d: `M0 ${y + 15}H${width}` }), svg("text", { x: 0, y: y + 19 }, `${step.line}  ${step.text}`.slice(0, Math.floor(width / 6.6))));
}

function messageRow(row, x) {
  const { at, y, pause } = row;
  const message = state.evidence.messages[at];
  const [from, to] = [x.get(message.from), x.get(message.to)];
  const level = y + 21;
  const wrong = message.notes?.length || message.findings?.length;
  const failed = message.kind === "response" && /^[4-6]/.test(message.label);
  const classes = [message.kind, wrong && "wrong", failed && "failed", !message.encrypted && message.kind !== "connection" && "clear", ladder.selected === at && "selected"].filter(Boolean);
  const self = from === to;
  const path = self ? `M${from} ${level - 8}h26v8h-23` : `M${from} ${level}H${to > from ? to - 2 : to + 2}`;
  const middle = self ? from + 34 : (from + to) / 2;
  const most = Math.max(8, Math.floor((self ? 90 : Math.abs(to - from) - 22) / 6.4));
  const words = `${message.label}${message.sdp ? " · SDP" : ""}`;
  const text = words.length > most ? `${words.slice(0, most - 1)}…` : words;
  const labelled = `${clock(message.at_us)} ${columnName(message.from)} to ${columnName(message.to)}: ${words}${wrong ? `; ${[...(message.notes ?? []), "bears on a finding"].slice(0, 1)}` : ""}`;
  return svg("g.message." + classes.join("."), { id: `message-${at}`, "data-message": at, role: "option", "aria-selected": String(ladder.selected === at), "aria-label": labelled },
    svg("rect", { x: 0, y, width: "100%", height: ROW }),
    pause ? svg("text.pause", { x: 0, y: y - 2 }, `${figure(pause / 1e6)} s later`) : null,
    svg("text.time", { x: 0, y: level + 1 }, clock(message.at_us)),
    svg("path.arrow", { d: path, "marker-end": "url(#arrow)" }),
    svg("text.label", { x: middle, y: level - 5, "text-anchor": self ? "start" : "middle" }, text),
    wrong ? svg("g.flag", svg("circle", { cx: TIMES - 12, cy: level - 4, r: 8 }), svg("text", { x: TIMES - 12, y: level, "text-anchor": "middle" }, "!")) : null);
}

function ladderLegend() {
  const sample = (kind) => svg("svg", { width: 30, height: 10, "aria-hidden": "true" }, svg(`path.arrow.${kind}`, { d: "M0 5H28" }));
  const flag = svg("svg", { width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("g.flag", svg("circle", { cx: 8, cy: 8, r: 8 }), svg("text", { x: 8, y: 12, "text-anchor": "middle" }, "!")));
  return el("ul.legend", el("li", sample("tls"), "over TLS"), el("li", sample("clear"), "in clear"), el("li", flag, "with a note or a finding"));
}

/** The level of a time: at a row when its time is come, and between two rows between their times. */
function levelOf(us) {
  const { rows } = ladder;
  if (!rows.length) return null;
  const at = rows.findLastIndex((row) => row.us <= us);
  if (at < 0) return 0;
  const [row, next] = [rows[at], rows[at + 1]];
  const from = row.y + 21;
  if (!next) return from;
  const part = next.us > row.us ? clamp((us - row.us) / (next.us - row.us), 0, 1) : 0;
  return from + part * (next.y + 21 - from);
}

function timeOf(y) {
  const { rows } = ladder;
  const at = rows.findLastIndex((row) => row.y + 21 <= y);
  if (!rows.length) return null;
  if (at < 0) return rows[0].us;
  const [row, next] = [rows[at], rows[at + 1]];
  if (!next || next.us <= row.us) return row.us;
  return row.us + ((y - row.y - 21) / (next.y - row.y)) * (next.us - row.us);
}

/** Keeps the play-head's level within the part of the ladder that can be seen. */
function follow(body) {
  const y = levelOf(state.head);
  if (y === null || body.scrollHeight <= body.clientHeight) return;
  const top = body.scrollTop;
  const seen = body.clientHeight - 60;
  if (y < top + 10 || y > top + seen - 30) body.scrollTop = y - seen / 2;
}

/** The message last sent at or before `us`, else the first. */
function nearestMessage(us) {
  const { messages } = state.evidence;
  let best = null;
  messages.forEach((message, at) => {
    if (isShown(message) && (best === null || Math.abs(message.at_us - us) < Math.abs(messages[best].at_us - us))) best = at;
  });
  return best;
}

/** Moves to the next or previous message that is shown. */
function moveMessage(by) {
  const shown = ladder.rows.filter((row) => !row.step).map((row) => row.at);
  if (!shown.length) return;
  const now = shown.indexOf(ladder.selected);
  const next = now >= 0 ? clamp(now + by, 0, shown.length - 1) : Math.max(0, shown.indexOf(nearestMessage(state.head)));
  openMessage(shown[next]);
}

