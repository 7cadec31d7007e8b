// Tracks: pictures over one axis of time, with names in a column to their left and one play-head through all of them.

const GUTTER = 148;
/** Room at the right, so that the last tick has its place. */
const MARGIN = 12;

class Tracks {
  constructor(label) {
    this.all = [];
    this.line = el("div.head", { "aria-hidden": "true" });
    this.band = el("div.band", { hidden: true });
    this.element = el("div.tracks", { role: "group", "aria-label": label }, this.line, this.band);
    this.width = 600;
    this.element.addEventListener("pointermove", (event) => this.moved(event));
    this.element.addEventListener("pointerleave", () => hideTip());
    this.element.addEventListener("pointerdown", (event) => this.pressed(event));
    this.element.addEventListener("pointerup", (event) => this.released(event));
    this.element.addEventListener("dblclick", () => setView(state.begin, state.end));
    new ResizeObserver(() => this.resized()).observe(this.element);
    on("view", () => this.draw());
    on("scroll", () => this.drawSeen());
    on("head", () => this.placeHead());
  }

  /** Adds a picture: `draw(plot, tracks)` fills the plot anew, `tip(us, y)` says what is there. */
  add({ name, about, height, draw, tip, className }) {
    const plot = el("div.plot");
    plot.style.height = `${height}px`;
    const row = el(`div.track${className ? "." + className : ""}`, el("div.name", el("span", name), about ? el("small", { title: about }, about) : null), plot);
    const track = { row, plot, draw, tip };
    this.all.push(track);
    this.element.append(row);
    return track;
  }

  /** A line of words between tracks. */
  heading(...content) {
    this.element.append(el("div.heading", ...content));
  }

  x(us) {
    return ((us - state.from) / (state.until - state.from)) * this.width;
  }

  us(x) {
    return state.from + (x / this.width) * (state.until - state.from);
  }

  resized() {
    const width = this.element.clientWidth - this.gutter() - MARGIN;
    if (width > 0 && Math.abs(width - this.width) >= 1) {
      this.width = width;
      this.draw();
    }
  }

  gutter() {
    return this.element.clientWidth < 620 ? 0 : GUTTER;
  }

  draw() {
    cancelAnimationFrame(this.asked);
    this.asked = requestAnimationFrame(() => {
      for (const track of this.all) track.drawn = false;
      this.drawSeen();
      this.placeHead();
    });
  }

  /** Draws what is in the window or near it and is not drawn yet: an hour of holds has hundreds of pictures. */
  drawSeen() {
    for (const track of this.all) {
      if (track.drawn || track.row.offsetParent === null) continue;
      const { top, bottom } = track.row.getBoundingClientRect();
      if (bottom < -innerHeight || top > 2 * innerHeight) continue;
      track.drawn = true;
      track.draw(track.plot, this);
    }
  }

  placeHead() {
    const x = this.x(state.head);
    this.line.hidden = x < -0.5 || x > this.width + 0.5;
    this.line.style.transform = `translateX(${this.gutter() + x}px)`;
  }

  /** Where the pointer is, if it is over a plot. */
  place(event) {
    const x = event.clientX - this.element.getBoundingClientRect().left - this.gutter();
    return x >= 0 && x <= this.width ? x : null;
  }

  moved(event) {
    const x = this.place(event);
    if (x === null) return hideTip();
    if (this.start !== undefined && Math.abs(x - this.start) > 5) {
      this.band.hidden = false;
      this.band.style.left = `${this.gutter() + Math.min(x, this.start)}px`;
      this.band.style.width = `${Math.abs(x - this.start)}px`;
    }
    setHead(this.us(x), this);
    const track = this.all.find((t) => t.plot.contains(event.target));
    const box = track?.plot.getBoundingClientRect();
    const lines = track?.tip?.(this.us(x), box ? event.clientY - box.top : 0, event.target);
    if (lines?.length) showTip(event, lines);
    else hideTip();
  }

  pressed(event) {
    if (event.button === 0 && event.pointerType === "mouse") this.start = this.place(event) ?? undefined;
  }

  released(event) {
    const [x, start] = [this.place(event), this.start];
    this.start = undefined;
    this.band.hidden = true;
    if (x !== null && start !== undefined && Math.abs(x - start) > 5) setView(this.us(Math.min(x, start)), this.us(Math.max(x, start)));
  }
}

/** A track of times. */
function ruler(tracks) {
  tracks.add({
    name: "Time",
    about: "of the scenario",
    height: 26,
    className: "ruler",
    draw: (plot, t) => {
      const marks = ticks(t).map((us) => {
        const x = t.x(us);
        return [svg("path", { d: `M${x} 18V26` }), svg("text", { x, y: 14, "text-anchor": x < 20 ? "start" : x > t.width - 20 ? "end" : "middle" }, tickWords(us, t))];
      });
      plot.replaceChildren(svg("svg", { width: t.width + MARGIN, height: 26, "aria-hidden": "true" }, marks));
    },
  });
}

/** A track of the times within a channel's file, in ms: those that findings and clips are told in. */
function fileRuler(tracks, channel) {
  tracks.add({
    name: "in the file",
    about: "ms",
    height: 20,
    className: "ruler",
    draw: (plot, t) => {
      const [step, began] = [tickStep(t), beganOf(channel)];
      const [from, until] = [Math.max(state.from, began), Math.min(state.until, began + channel.duration_ms * 1000)];
      const marks = [];
      for (let us = Math.ceil((from - began) / step) * step; began + us <= until; us += step) {
        const x = t.x(began + us);
        marks.push(svg("path", { d: `M${x} 14V20` }), svg("text", { x, y: 11, "text-anchor": x < 20 ? "start" : x > t.width - 20 ? "end" : "middle" }, thousands(Math.round(us / 1000))));
      }
      plot.replaceChildren(svg("svg", { width: t.width + MARGIN, height: 20, "aria-hidden": "true" }, marks));
    },
  });
}

const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600].map((s) => s * 1e6);

function tickStep(t) {
  return STEPS.find((step) => (step / (state.until - state.from)) * t.width >= 74) ?? STEPS.at(-1);
}

function ticks(t) {
  const step = tickStep(t);
  const out = [];
  for (let us = Math.ceil(state.from / step) * step; us <= state.until; us += step) out.push(us);
  return out;
}

function tickWords(us, t) {
  const step = tickStep(t);
  return clock(us, step >= 1e6 ? 0 : step >= 1e5 ? 1 : 2);
}

/** A canvas as large as the plot, sharp on any screen, cleared. */
function canvasOf(plot, t, height, label) {
  let canvas = plot.querySelector("canvas");
  if (!canvas) {
    canvas = el("canvas", { role: "img" });
    plot.append(canvas);
  }
  if (label) canvas.setAttribute("aria-label", label);
  const scale = window.devicePixelRatio || 1;
  const [width, tall] = [Math.round(t.width * scale), Math.round(height * scale)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== tall) canvas.height = tall;
  canvas.style.width = `${t.width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, t.width, height);
  return pen;
}

const tip = el("div.tip", { role: "tooltip", hidden: true });

function showTip(event, lines) {
  tip.replaceChildren(...lines.map((line, n) => el(n ? "span" : "b", line)));
  tip.hidden = false;
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const x = event.clientX + 14 + width > innerWidth ? event.clientX - 14 - width : event.clientX + 14;
  const y = event.clientY + 18 + height > innerHeight ? event.clientY - 10 - height : event.clientY + 18;
  tip.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
}

function hideTip() {
  tip.hidden = true;
}

