// What was said, what was recorded and the difference, channel by channel: waveform and spectrogram.

const WAVE = 46;
const SPECTRUM = 54;

function audioSection() {
  const { evidence } = state;
  const section = el("section.audio", { id: "audio", tabindex: "-1", "aria-labelledby": "audio-title" });
  const pictures = el("select", { "aria-label": "Pictures" }, [["both", "Waveform and spectrogram"], ["wave", "Waveform"], ["spectrum", "Spectrogram"]].map(([value, words]) => el("option", { value }, words)));
  section.append(el("div.title", el("h2", { id: "audio-title" }, "Audio"), pictures, zoomButtons()));
  const tracks = new Tracks("Audio");
  ruler(tracks);
  const drawn = evidence.channels.map((channel, at) => ({ channel, at })).filter(({ channel }) => channel.same_as === undefined || channel.same_as === null);
  for (const { channel, at } of drawn) channelTracks(tracks, channel, at);
  pictures.addEventListener("change", () => {
    tracks.element.dataset.pictures = pictures.value;
    tracks.draw();
  });
  tracks.element.dataset.pictures = "both";
  section.append(tracks.element);
  return section;
}

/** What a channel is called: its file, and its number where the file has several. */
function channelName(channel) {
  const several = state.evidence.channels.some((c) => c.file === channel.file && c.recording === channel.recording && c.channel !== channel.channel);
  return several ? `${channel.file} ${channel.channel === 0 ? "left" : channel.channel === 1 ? "right" : `channel ${channel.channel}`}` : channel.file;
}

/** How a channel had to be read that does not hold its leg sample for sample, and what could not be seen so. */
function modeWords(channel) {
  const mode = channel.mode ?? "exact";
  if (mode === "exact") return null;
  const how = mode.startsWith("softly: ") ? `followed by its likeness: ${mode.slice(8)}` : mode;
  return `Read ${how}${channel.unseen?.length ? `. Not seen so: ${channel.unseen.join("; ")}` : ""}.`;
}

function channelTracks(tracks, channel, at) {
  const alike = state.evidence.channels.filter((c) => c.same_as === at).map(channelName);
  const exact = channel.said && !channel.recorded;
  tracks.heading(
    el("h3", channelName(channel)),
    el("span.quiet", channel.leg ? `judged as the ${channel.leg} leg` : "no leg was found in it", ` of ${channel.recording}`, alike.length ? `; the same samples are in ${alike.join(", ")}` : ""),
  );
  const mode = modeWords(channel);
  if (mode) tracks.heading(el("span.quiet", mode));
  fileRuler(tracks, channel);
  if (channel.findings?.length) marksTrack(tracks, channel);
  const pictures = exact
    ? [["said and recorded", channel.said, "sample for sample"]]
    : [["said", channel.said, "as it was sent"], ["recorded", channel.recorded, "what is in the file"], ["difference", channel.difference, "recorded less said"]];
  for (const [name, picture, about] of pictures) {
    if (!picture) {
      if (name === "difference" && channel.recorded) tracks.heading(el("span.quiet", "difference: silence"));
      continue;
    }
    waveTrack(tracks, channel, name, picture, about);
    spectrumTrack(tracks, channel, name, picture);
  }
  if (channel.strip.length) stripTrack(tracks, channel);
}

const beganOf = (channel) => channel.file_began_us ?? state.evidence.recordings.find((r) => r.label === channel.recording)?.started_us ?? state.begin;
/** Milliseconds of the channel's file at a time. */
const fileMs = (channel, us) => (us - beganOf(channel)) / 1000;
const stretches = (channel) => (channel.findings ?? []).flatMap((at) => (state.outcome.findings[at]?.audio_ms ? [{ at, ms: state.outcome.findings[at].audio_ms }] : []));

function marksTrack(tracks, channel) {
  const marks = stretches(channel);
  if (!marks.length) return;
  const track = tracks.add({
    name: "Findings",
    height: 20,
    className: "marks",
    draw: (plot, t) => {
      let free = 0;
      const shapes = marks.toSorted((a, b) => a.ms[0] - b.ms[0]).map(({ at, ms }) => {
        const [from, until] = ms.map((m) => t.x(beganOf(channel) + m * 1000));
        const words = `${at + 1}  ${state.outcome.findings[at].rule}, ${thousands(ms[0])} to ${thousands(ms[1])} ms`;
        const text = from >= free && from < t.width && until > 0 ? written(words, Math.max(from, 0), 11, t.width - Math.max(from, 0)) : null;
        if (text) free = Math.max(from, 0) + words.length * 6.9 + 10;
        return svg("g.mark", { onclick: () => setFinding(at) }, svg("rect", { x: from, y: 15, width: Math.max(until - from, 2), height: 4 }), text);
      });
      plot.replaceChildren(svg("svg", { width: t.width, height: 20, role: "img", "aria-label": count(marks.length, "marked stretch", "marked stretches") }, shapes));
    },
    tip: (us) => {
      const ms = fileMs(channel, us);
      const near = (3 / tracks.width) * ((state.until - state.from) / 1000);
      return marks.filter((m) => ms >= m.ms[0] - near && ms <= m.ms[1] + near).flatMap((m) => [state.outcome.findings[m.at].rule, state.outcome.findings[m.at].found, `${stretch(m.ms)}, from ${clock(beganOf(channel) + m.ms[0] * 1000)} on the time line`]);
    },
  });
  return track;
}

/** Tints the stretches that findings name. */
function tint(pen, channel, t, height) {
  pen.fillStyle = colour("--tint");
  for (const { ms } of stretches(channel)) {
    const [from, until] = ms.map((m) => t.x(beganOf(channel) + m * 1000));
    pen.fillRect(from, 0, Math.max(until - from, 2), height);
  }
}

function waveTrack(tracks, channel, name, picture, about) {
  let peaks, loudest;
  tracks.add({
    name,
    about,
    height: WAVE,
    className: "wave",
    draw: (plot, t) => {
      const pen = canvasOf(plot, t, WAVE, `Waveform of ${channelName(channel)}, ${name}`);
      peaks ??= pointsOf(picture);
      loudest ??= loudestOf(channel);
      tint(pen, channel, t, WAVE);
      pen.fillStyle = colour("--line");
      pen.fillRect(0, WAVE / 2, t.width, 1);
      pen.fillStyle = colour(name === "difference" ? "--wave-difference" : name === "recorded" ? "--wave-recorded" : "--wave-said");
      wave(pen, t, peaks, { pointUs: picture.peak_ms * 1000, began: beganOf(channel), loudest });
    },
    tip: (us) => soundTip(channel, name, us),
  });
}

function soundTip(channel, name, us) {
  const ms = fileMs(channel, us);
  if (ms < 0 || ms > channel.duration_ms) return null;
  return [`${name}, ${channelName(channel)}`, bothTimes(channel, us)];
}

/** A place by both clocks: that of the file, which findings are told in, and that of the scenario. */
const bothTimes = (channel, us) => `${thousands(Math.round(fileMs(channel, us)))} ms into the file, ${clock(us)} on the time line`;

/** A column a pixel, from the least to the greatest sample of its points. */
function wave(pen, t, peaks, { pointUs, began, loudest }) {
  const points = peaks.length / 2;
  const middle = WAVE / 2;
  for (let x = 0; x < t.width; x++) {
    const first = Math.floor((t.us(x) - began) / pointUs);
    const last = Math.max(first, Math.ceil((t.us(x + 1) - began) / pointUs) - 1);
    if (last < 0 || first >= points) continue;
    let [least, most] = [127, -128];
    for (let at = Math.max(first, 0); at <= Math.min(last, points - 1); at++) {
      least = Math.min(least, peaks[at * 2]);
      most = Math.max(most, peaks[at * 2 + 1]);
    }
    const [top, bottom] = [most, least].map((v) => middle - (v / loudest) * (middle - 2));
    pen.fillRect(x, top, 1, Math.max(bottom - top, 1));
  }
}

const pointsOf = (picture) => new Int8Array(bytes(picture.peaks).buffer);

/** All pictures of a channel are drawn to the scale of its loudest sample. */
function loudestOf(channel) {
  const all = [channel.said, channel.recorded, channel.difference].filter(Boolean).map(pointsOf);
  return all.reduce((most, points) => points.reduce((m, point) => Math.max(m, Math.abs(point)), most), 1);
}

function spectrumTrack(tracks, channel, name, picture) {
  const { bands, column_ms, floor_db } = picture.spectrogram;
  let levels = null;
  let columns = 0;
  const unpack = () => {
    levels ??= bytes(picture.spectrogram.levels);
    columns = Math.floor(levels.length / bands);
  };
  tracks.add({
    name: "",
    about: "0 to 4 kHz",
    height: SPECTRUM,
    className: "spectrum",
    draw: (plot, t) => {
      const pen = canvasOf(plot, t, SPECTRUM, `Spectrogram of ${channelName(channel)}, ${name}`);
      unpack();
      const width = Math.max(1, Math.round(t.width));
      const image = new ImageData(width, bands);
      const map = shades();
      for (let x = 0; x < width; x++) {
        const first = Math.floor((t.us(x) - beganOf(channel)) / 1000 / column_ms);
        const last = Math.max(first, Math.ceil((t.us(x + 1) - beganOf(channel)) / 1000 / column_ms) - 1);
        if (last < 0 || first >= columns) continue;
        for (let band = 0; band < bands; band++) {
          let level = 0;
          for (let at = Math.max(first, 0); at <= Math.min(last, columns - 1); at++) level = Math.max(level, levels[at * bands + band]);
          image.data.set(map.subarray(level * 4, level * 4 + 4), ((bands - 1 - band) * width + x) * 4);
        }
      }
      const whole = new OffscreenCanvas(width, bands);
      whole.getContext("2d").putImageData(image, 0, 0);
      pen.drawImage(whole, 0, 0, t.width, SPECTRUM);
    },
    tip: (us, y) => {
      const band = clamp(Math.floor((1 - y / SPECTRUM) * bands), 0, bands - 1);
      const at = Math.floor(fileMs(channel, us) / column_ms);
      if (at < 0 || at >= columns) return null;
      const level = levels[at * bands + band];
      return [...(soundTip(channel, name, us) ?? []), `${Math.round(((band + 0.5) * 4000) / bands)} Hz: ${level ? `${Math.round(floor_db - (floor_db * level) / 255)} dB` : `below ${floor_db} dB`}`];
    },
  });
}

/** Colours of the 256 levels, from the colour of the ground to that of the loudest. */
function shades() {
  const stops = ["--shade-0", "--shade-1", "--shade-2", "--shade-3"].map((name) => parse(colour(name)));
  const map = new Uint8ClampedArray(1024);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    for (let part = 0; part < 3; part++) map[level * 4 + part] = stops[low][part] + (stops[low + 1][part] - stops[low][part]) * (place - low);
    map[level * 4 + 3] = 255;
  }
  return map;
}

const parse = (hexadecimal) => [1, 3, 5].map((at) => parseInt(hexadecimal.slice(at, at + 2), 16));

