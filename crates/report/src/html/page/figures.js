// Figures: which leg is in which channel, what became of the frames, the E-model, the harness's own lateness; the story.

function figuresSection() {
  const { outcome, evidence } = state;
  const section = el("section.figures", { id: "figures", "aria-labelledby": "figures-title" }, el("h2", { id: "figures-title" }, "Figures"));
  if (evidence?.channels.some((c) => c.matrix.length)) section.append(matrix(evidence));
  if (outcome.channels.length) section.append(channelTable(outcome));
  if (evidence?.quality.length) section.append(quality(evidence));
  if (outcome.lateness.packets) section.append(lateness(outcome.lateness));
  return section;
}

/** Milliseconds of each leg of each call in each channel. */
function matrix(evidence) {
  const legs = new Map();
  const key = (cell) => `${cell.recording}\n${cell.leg}`;
  for (const recording of evidence.recordings) for (const leg of ["near", "far"]) legs.set(`${recording.label}\n${leg}`, { recording: recording.label, leg });
  for (const channel of evidence.channels) for (const cell of channel.matrix) if (!legs.has(key(cell))) legs.set(key(cell), cell);
  const several = new Set([...legs.values()].map((leg) => leg.recording)).size > 1;
  const heads = [...legs.values()].map((leg) => [el("span", leg.leg ? `${leg.leg} leg` : "voice"), several ? el("small", leg.recording) : null]);
  const body = evidence.channels.map((channel) => {
    const most = Math.max(channel.duration_ms, 1);
    const cells = [...legs.keys()].map((leg) => {
      const cell = channel.matrix.find((one) => key(one) === leg);
      const ms = cell?.found_ms ?? 0;
      const bar = el("span.bar");
      bar.style.width = `${clamp((ms / most) * 100, 0, 100)}%`;
      return el("td.number.share", ms ? `${thousands(Math.round(ms))} ms` : "–", ms ? el("span.track-bar", bar) : null);
    });
    return el("tr", el("th", { scope: "row" }, channelName(channel), several ? el("small", channel.recording) : null), cells);
  });
  return el("div.figure", el("h3", "Which leg is in which channel"),
    el("div.scroll", el("table.matrix", el("thead", el("tr", el("th", { scope: "col" }, "Channel"), heads.map((head) => el("th.number", { scope: "col" }, head)))), el("tbody", body))));
}

function channelTable(outcome) {
  const rows = outcome.channels.map((c) => {
    const f = c.figures ?? {};
    const unseen = f.unseen?.length ? el("small", `not seen: ${f.unseen.join("; ")}`) : null;
    return [[c.file, el("small", c.recording)], c.leg || "–", [f.mode ?? "", unseen], thousands(c.delivered), thousands(c.exact), thousands(c.lost_by_network), figure(f.longest_gap_ms ?? 0), figure(f.gain_db ?? 0), figure(f.lattice_percent ?? 0)];
  });
  return el("div.figure", el("h3", "Channels"), table(["File", "Leg", "Read", "Frames due", "Exact", "Lost by network", "Longest gap, ms", "Gain, dB", "On the codec's lattice, %"], rows, [3, 4, 5, 6, 7, 8]));
}

function quality(evidence) {
  const rows = evidence.quality.map((q) => [q.name, figure(q.r), figure(q.mos), q.codec, figure(q.ie), figure(q.bpl), figure(q.loss_percent), figure(q.burst_ratio), figure(q.delay_ms)]);
  return el("div.figure", el("h3", "E-model"), table(["Leg", "R", "MOS", "Codec", "Ie", "Bpl", "Loss, %", "Burst ratio", "Delay, ms"], rows, [1, 2, 4, 5, 6, 7, 8]),
    el("p.quiet", "What a listener could have expected of the network at best; it never touches the verdict. ", [...new Set(evidence.quality.map((q) => q.model))].join(" ")));
}

function lateness(late) {
  const ms = (us) => `${figure(us / 1000)} ms`;
  const rows = [[thousands(late.packets), ms(late.p50_us), ms(late.p95_us), ms(late.p99_us), ms(late.max_us), thousands(late.over_1ms), thousands(late.doubled)]];
  return el("div.figure", el("h3", "How late the harness itself was"), table(["Packets", "Half at most", "95 of 100 at most", "99 of 100 at most", "Latest", "More than 1 ms late", "Two at once"], rows, [0, 1, 2, 3, 4, 5, 6]));
}

function storySection() {
  const { outcome } = state;
  const section = el("section.story", { id: "story", "aria-labelledby": "story-title" }, el("h2", { id: "story-title" }, "Story"));
  if (!outcome.story.length) {
    section.append(el("p.quiet", "Nothing happened."));
    return section;
  }
  // In real time the lines have no times that would be the same again.
  const timed = outcome.story.some((line) => line.at_ms > 0);
  const list = el("ol.lines", outcome.story.map((line) => el("li", timed ? moment(line.at_ms * 1000) : null, el("span", line.what))));
  section.append(list);
  if (timed) {
    const now = () => {
      const at = outcome.story.findLastIndex((line) => line.at_ms * 1000 <= state.head);
      [...list.children].forEach((line, n) => line.classList.toggle("now", n === at));
    };
    on("head", now);
    now();
  }
  for (const line of state.evidence?.left_out ?? []) section.append(el("p.quiet", "Left out: ", line));
  return section;
}

