// What is looked at: one scenario, the stretch of time in view, and the one play-head that all pictures share.
// All times are microseconds since the scenario began.

const state = { at: null, outcome: null, evidence: null, begin: 0, end: 1, from: 0, until: 1, head: 0, finding: 0 };
let watchers = { head: [], view: [], finding: [], scroll: [] };

/** Calls `tell` at each change of `head`, `view`, `finding` or `scroll` of the window, until another scenario is opened. */
function on(what, tell) {
  watchers[what].push(tell);
}

function tell(what, by) {
  for (const watcher of watchers[what]) watcher(by);
}

/** Shows another scenario. */
function begin(at, outcome) {
  watchers = { head: [], view: [], finding: [], scroll: [] };
  const evidence = outcome.evidence ?? null;
  const ends = [1_000_000, (outcome.duration_ms ?? 0) * 1000, evidence?.ended_us ?? 0];
  for (const row of evidence?.rows ?? []) for (const span of row.spans) ends.push(span.until_us);
  for (const channel of evidence?.channels ?? []) {
    if (channel.file_began_us !== null && channel.file_began_us !== undefined) {
      ends.push(channel.file_began_us + channel.duration_ms * 1000);
    }
  }
  Object.assign(state, { at, outcome, evidence, begin: 0, end: Math.max(...ends), finding: 0 });
  Object.assign(state, { from: state.begin, until: state.end, head: state.begin });
}

/** Moves the play-head; `by` is whatever moved it, which need not follow. */
function setHead(us, by) {
  const head = clamp(us, state.begin, state.end);
  if (head === state.head) return;
  state.head = head;
  tell("head", by);
}

/** The least stretch of time in view: four frames. */
const LEAST_VIEW = 80_000;

function setView(from, until) {
  const length = clamp(until - from, LEAST_VIEW, state.end - state.begin);
  state.from = clamp(from, state.begin, state.end - length);
  state.until = state.from + length;
  tell("view");
}

/** Zooms by `factor` around the play-head if it is in view, else around the middle. */
function zoom(factor) {
  const inView = state.head >= state.from && state.head <= state.until;
  const around = inView ? state.head : (state.from + state.until) / 2;
  const left = (around - state.from) * factor;
  setView(around - left, around - left + (state.until - state.from) * factor);
}

/** Brings a stretch of time into view, with as much again around it. */
function look(from, until) {
  const around = Math.max((until - from) * 1.5, 500_000);
  setView(from - around, until + around);
}

/** The channel a finding is drawn in, and where on the time line. */
function placeOf(at) {
  const { evidence, outcome } = state;
  const finding = outcome.findings[at];
  if (!evidence || !finding) return null;
  const channel = evidence.channels.findIndex((c) => (c.findings ?? []).includes(at));
  const began = channel < 0 ? null : evidence.channels[channel].file_began_us;
  if (finding.audio_ms && began !== null && began !== undefined) {
    const [from, until] = finding.audio_ms.map((ms) => began + ms * 1000);
    return { channel, from, until };
  }
  const recording = evidence.recordings.find((r) => r.label === finding.recording);
  const steps = evidence.steps.filter((s) => s.line === finding.line);
  if (steps.length) return { channel, from: steps[0].began_us, until: steps.at(-1).ended_us ?? state.end };
  const message = evidence.messages.find((m) => (m.findings ?? []).includes(at));
  if (message) return { channel, from: message.at_us, until: message.at_us };
  if (recording) return { channel, from: recording.started_us, until: recording.ended_us ?? state.end };
  return null;
}

/** Makes a finding the one that is looked at. */
function setFinding(at, by) {
  const all = state.outcome.findings.length;
  if (!all) return;
  state.finding = (at + all) % all;
  const place = placeOf(state.finding);
  if (place) {
    if (state.outcome.findings[state.finding].audio_ms) look(place.from, place.until);
    setHead(place.from, by);
  }
  tell("finding", by);
}

/** The step that was being played at `us`. */
function stepAt(us) {
  return state.evidence?.steps.findLast((step) => step.began_us <= us) ?? null;
}

