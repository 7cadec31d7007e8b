// Frames: what became of each, as a strip along the time line and, a cell a frame, in rows of whole seconds.

/** Classes in the order of the legend; those after `false` are no fault of the recorder's. */
const CLASSES = {
  exact: ["exact, in its place", false],
  silent: ["exact, and silence", false],
  likely: ["there by its likeness, stored lossily", false],
  unseen: ["could not be told by likeness", false],
  late: ["came too late, not in the file", false],
  excused: ["did not have to be recorded", false],
  "lost-by-network": ["lost by the network", false],
  lost: ["lost by the recorder: silence in its place", true],
  concealed: ["lost by the recorder: concealed", true],
  removed: ["cut out", true],
  clipped: ["clipped at the start or end of the file", true],
  misplaced: ["in another place", true],
  repeated: ["there twice", true],
  damaged: ["some samples changed", true],
  altered: ["there, not sample for sample", true],
  covered: ["something else in its place", true],
  undelivered: ["lost by the network, and in the file", true],
};
const wordsOf = (name) => CLASSES[name]?.[0] ?? name;
const isWrong = (name) => CLASSES[name]?.[1] ?? true;
const classColour = (name) => colour(`--class-${name}`) || colour("--text");

/** When the leg's first packet lies on the time line. */
const legBegan = (channel) => beganOf(channel) + ((channel.offset_samples ?? 0) / 8) * 1000;

/** The frame of a leg at a time: `{ run, frame, number, sequence, ms }`. */
function frameAt(channel, us) {
  const ms = (us - legBegan(channel)) / 1000;
  let number = 0;
  for (const run of channel.strip) {
    const frame = Math.floor((ms - run.at_ms) / run.frame_ms);
    if (frame >= 0 && frame < run.frames) return { run, frame, number: number + frame, sequence: (run.sequence + frame) % 65536, ms: run.at_ms + frame * run.frame_ms };
    number += run.frames;
  }
  return null;
}

const frameWords = (channel, f) => [wordsOf(f.run.class), `frame ${thousands(f.number)}, sequence ${f.sequence}, ${bothTimes(channel, legBegan(channel) + f.ms * 1000)}`];

/** Along the time line: whole where the recorder did wrong, half as high elsewhere. */
function stripTrack(tracks, channel) {
  const height = 16;
  tracks.add({
    name: "frames",
    height,
    className: "frames",
    draw: (plot, t) => {
      const pen = canvasOf(plot, t, height, stripWords(channel));
      const began = legBegan(channel);
      for (const wrong of [false, true]) {
        for (const run of channel.strip) {
          if (isWrong(run.class) !== wrong) continue;
          const from = Math.max(t.x(began + run.at_ms * 1000), 0);
          const until = Math.min(t.x(began + (run.at_ms + run.frames * run.frame_ms) * 1000), t.width);
          if (until < from) continue;
          pen.fillStyle = classColour(run.class);
          pen.fillRect(from, wrong ? 0 : 6, Math.max(until - from, 1), wrong ? height : height - 6);
        }
      }
    },
    tip: (us) => {
      const frame = frameAt(channel, us);
      return frame && frameWords(channel, frame);
    },
  });
}

function tally(channel) {
  const all = new Map();
  for (const run of channel.strip) all.set(run.class, (all.get(run.class) ?? 0) + run.frames);
  return all;
}

const stripWords = (channel) => `Frames of ${channelName(channel)}: ${[...tally(channel)].map(([name, n]) => `${thousands(n)} ${wordsOf(name)}`).join("; ")}`;

function framesSection() {
  const section = el("section.strips", { id: "frames", "aria-labelledby": "frames-title" }, el("h2", { id: "frames-title" }, "Frames"));
  const present = new Set();
  for (const channel of state.evidence.channels) {
    if (!channel.strip.length || (channel.same_as ?? null) !== null) continue;
    for (const run of channel.strip) present.add(run.class);
    section.append(raster(channel));
  }
  const legend = el("ul.legend");
  for (const name of Object.keys(CLASSES)) {
    if (!present.has(name)) continue;
    const swatch = el(`span.swatch${isWrong(name) ? ".tall" : ""}`);
    swatch.style.background = `var(--class-${name})`;
    legend.append(el("li", swatch, wordsOf(name)));
  }
  section.children[0].after(legend);
  return section;
}

/** A cell a frame. Moving over it moves the play-head, and the play-head is marked in it. */
function raster(channel) {
  const length = Math.max(...channel.strip.map((run) => run.at_ms + run.frames * run.frame_ms));
  const step = Math.min(...channel.strip.map((run) => run.frame_ms));
  const cells = Math.ceil(length / step);
  const second = Math.max(1, Math.round(1000 / step));
  const canvas = el("canvas", { role: "img", "aria-label": stripWords(channel) });
  const marker = el("div.cell", { "aria-hidden": "true" });
  const box = el("div.raster", canvas, marker);
  const now = el("p.quiet.now", { "aria-live": "off" });
  const tallied = [...tally(channel)].map(([name, n]) => `${thousands(n)} ${wordsOf(name)}`).join(" · ");
  const figure = el("figure", el("figcaption", el("h3", channelName(channel)), el("span.quiet", tallied)), box, now);
  let grid = { columns: 1, size: 1, tall: 9 };
  const draw = () => {
    const width = box.clientWidth;
    if (!width) return;
    const size = clamp(Math.floor(width / cells), 1, 4);
    const columns = Math.min(cells, Math.max(second, Math.floor(width / size / second) * second));
    const tall = 12;
    grid = { columns, size, tall };
    const scale = window.devicePixelRatio || 1;
    const lines = Math.ceil(cells / columns);
    canvas.width = columns * size * scale;
    canvas.height = lines * tall * scale;
    canvas.style.width = `${columns * size}px`;
    canvas.style.height = `${lines * tall}px`;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    for (const run of channel.strip) {
      pen.fillStyle = classColour(run.class);
      const wrong = isWrong(run.class);
      for (let n = 0; n < run.frames; n++) {
        const cell = Math.round((run.at_ms + n * run.frame_ms) / step);
        const wide = Math.max(size, Math.round((run.frame_ms / step) * size));
        pen.fillRect((cell % columns) * size, Math.floor(cell / columns) * tall + (wrong ? 0 : 4), wide, wrong ? tall - 2 : tall - 6);
      }
    }
    mark();
  };
  const mark = () => {
    const frame = frameAt(channel, state.head);
    marker.hidden = !frame;
    now.textContent = frame ? `At the play-head: ${frameWords(channel, frame).toReversed().join(": ")}` : "At the play-head: no frame of this leg";
    if (!frame) return;
    const cell = Math.round(frame.ms / step);
    marker.style.transform = `translate(${(cell % grid.columns) * grid.size - 1}px, ${Math.floor(cell / grid.columns) * grid.tall - 1}px)`;
    marker.style.width = `${grid.size + 2}px`;
    marker.style.height = `${grid.tall}px`;
  };
  canvas.addEventListener("pointermove", (event) => {
    const cell = Math.floor(event.offsetY / grid.tall) * grid.columns + Math.floor(event.offsetX / grid.size);
    const us = legBegan(channel) + cell * step * 1000;
    const frame = frameAt(channel, us + 1);
    setHead(us, canvas);
    if (frame) showTip(event, frameWords(channel, frame));
    else hideTip();
  });
  canvas.addEventListener("pointerleave", hideTip);
  new ResizeObserver(draw).observe(box);
  on("view", draw);
  on("head", mark);
  if (channel.strip.some((run) => isWrong(run.class))) figure.append(wrongTable(channel));
  return figure;
}

function wrongTable(channel) {
  const runs = channel.strip.filter((run) => isWrong(run.class));
  return folded(`The ${count(runs.length, "run")} that are not right, as a table`, () =>
    table(["From", "Frames", "First sequence", "What became of them"], runs.map((run) => [moment(legBegan(channel) + run.at_ms * 1000), thousands(run.frames), String(run.sequence), wordsOf(run.class)]), [1, 2]));
}

