// One message in whole, with what is to be said about it.

let panel = null;

function messagePanel() {
  panel = el("aside.panel", { "aria-label": "Message", tabindex: "-1" });
  return panel;
}

/** Selects a message: shows it, and puts the play-head to it. */
function openMessage(at, by) {
  const message = state.evidence.messages[at];
  if (!message) return;
  if (!isShown(message)) {
    Object.assign(ladder, { party: "", call: "", connections: message.kind === "connection" || ladder.connections });
    $("ladder-party").value = $("ladder-call").value = "";
    if ($("ladder-connections")) $("ladder-connections").checked = ladder.connections;
    ladder.selected = at;
    ladder.draw();
  }
  for (const old of document.querySelectorAll(".message.selected")) choose(old, false);
  ladder.selected = at;
  const row = $(`message-${at}`);
  if (row) choose(row, true);
  document.querySelector(".drawing").setAttribute("aria-activedescendant", `message-${at}`);
  showMessage(at);
  setHead(message.at_us, by);
}

function choose(row, selected) {
  row.classList.toggle("selected", selected);
  row.setAttribute("aria-selected", String(selected));
}

function showMessage(at) {
  const message = state.evidence.messages[at];
  if (!message) {
    panel.replaceChildren(el("p.quiet", "Choose a message to read the whole of it."));
    return;
  }
  const { recordings } = state.evidence;
  const remarks = [
    ...(message.findings ?? []).map((n) => el("li", el("a", { href: "#fix", onclick: (e) => go(e, "fix") }, `finding ${n + 1}: ${state.outcome.findings[n]?.rule}`), ` ${state.outcome.findings[n]?.found ?? ""}`)),
    // What a finding says already is not said again.
    ...(message.notes ?? []).filter((note) => !(message.findings ?? []).some((n) => note.startsWith(`${state.outcome.findings[n]?.rule}:`))).map((note) => el("li", note)),
  ];
  const terms = [
    ["From", `${columnName(message.from)}  ${message.from_address}`],
    ["To", `${columnName(message.to)}  ${message.to_address}`],
    ["Over", `${message.transport.toUpperCase()}${message.encrypted ? ", encrypted" : ", in clear"}`],
    message.line && ["Line", `${message.line} of the scenario`],
    message.recording !== undefined && message.recording !== null && ["Recording", recordings[message.recording]?.label],
  ].filter(Boolean);
  const calls = message.call_id ? state.evidence.messages.flatMap((m, n) => (m.call_id === message.call_id ? [n] : [])) : [];
  const place = calls.indexOf(at);
  const step = (by, words) => el("button.small", { type: "button", disabled: !(place + by in calls), onclick: () => openMessage(calls[place + by]) }, words);
  panel.replaceChildren(
    ...[
      el("div.title", el("h3", message.label, " ", el("span.quiet", clock(message.at_us))), copier(() => message.text)),
      remarks.length ? el("ul.remarks", { "aria-label": "Notes" }, remarks) : null,
      el("dl.terms", terms.map(([name, value]) => [el("dt", name), el("dd", value)])),
      calls.length > 1 ? el("p.calls", step(-1, "Previous"), el("span.quiet", `${place + 1} of ${calls.length} of this Call-ID`), step(1, "Next")) : null,
      message.text ? el("pre", { tabindex: "0", "aria-label": "Text of the message" }, headers(message.text)) : null,
    ].filter(Boolean),
  );
}

/** A message with its first line and the names of its headers set apart. */
function headers(text) {
  let body = false;
  return text.split("\n").flatMap((line, at) => {
    const ended = at ? "\n" : "";
    if (line === "") body = true;
    if (!at) return [el("b", line)];
    const name = body ? line.match(/^([a-z]=)(.*)$/) : line.match(/^([\w-]+:)(.*)$/);
    return name ? [ended, el("span.header", name[1]), name[2]] : [ended, line];
  });
}

