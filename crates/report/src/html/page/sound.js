// Sound: clips made audible, and the play-head that follows them.

/** ITU-T G.711 mu-law to 16 bit. */
function expand(byte) {
  const code = ~byte & 0xff;
  const magnitude = (((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4);
  return code & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}

/** A WAV file of 16 bit samples, one channel, of the clip's mu-law bytes. */
function wav(base64, rate) {
  const law = bytes(base64);
  const out = new DataView(new ArrayBuffer(44 + law.length * 2));
  const word = (at, text) => [...text].forEach((c, n) => out.setUint8(at + n, c.charCodeAt(0)));
  word(0, "RIFF");
  out.setUint32(4, 36 + law.length * 2, true);
  word(8, "WAVEfmt ");
  out.setUint32(16, 16, true);
  out.setUint16(20, 1, true);
  out.setUint16(22, 1, true);
  out.setUint32(24, rate, true);
  out.setUint32(28, rate * 2, true);
  out.setUint16(32, 2, true);
  out.setUint16(34, 16, true);
  word(36, "data");
  out.setUint32(40, law.length * 2, true);
  law.forEach((byte, n) => out.setInt16(44 + n * 2, expand(byte), true));
  return new Blob([out], { type: "audio/wav" });
}

const players = new Set();
/** How long before a finding it is played from. */
const LEAD_S = 0.4;

/** A player for one side of a clip: it moves the play-head while it plays, and begins where the play-head is put in it. */
function player(channel, clip, what, data, finding) {
  const audio = el("audio", { controls: true, preload: "metadata", "data-clip": `${finding}-${what}`, "aria-label": `${what === "said" ? "What was said" : "What was recorded"}, ${channel.file}, ${clock(clip.from_ms * 1000)}` });
  const began = (channel.file_began_us ?? state.begin) + clip.from_ms * 1000;
  audio.src = URL.createObjectURL(wav(data, clip.rate));
  players.add(audio);
  const follow = () => {
    setHead(began + audio.currentTime * 1e6, audio);
    if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", () => {
    for (const other of players) if (other !== audio) other.pause();
    follow();
  });
  audio.addEventListener("seeked", () => setHead(began + audio.currentTime * 1e6, audio));
  on("head", (by) => {
    const at = (state.head - began) / 1e6;
    if (players.has(by) || !audio.paused || !(at >= 0 && at <= audio.duration)) return;
    if (Math.abs(audio.currentTime - at) > 0.005) audio.currentTime = at;
  });
  return audio;
}

/** Lets go of the clips of the scenario that was shown. */
function silence() {
  for (const audio of players) {
    audio.pause();
    URL.revokeObjectURL(audio.src);
  }
  players.clear();
}

/** Plays or stops what was recorded around the finding that is looked at. */
function playFinding() {
  const audio = document.querySelector(`[data-clip="${state.finding}-recorded"]`) ?? document.querySelector("audio[data-clip$=recorded]");
  if (!audio) return;
  // What leads to it is heard too.
  const place = placeOf(state.finding);
  if (audio.paused && place && Math.abs(state.head - place.from) < 1000) audio.currentTime = Math.max(0, audio.currentTime - LEAD_S);
  if (audio.paused) audio.play();
  else audio.pause();
}

