// The keyboard.

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  if ($("help").open) return;
  const writes = target.matches("input[type=search], textarea, select");
  if (writes && event.key !== "Escape") {
    if (target === $("search") && (event.key === "ArrowDown" || event.key === "Enter")) {
      event.preventDefault();
      moveRow(1);
    }
    return;
  }
  const action = common(event) ?? (state.at === null ? onOverview(event) : onScenario(event));
  if (action) {
    event.preventDefault();
    action();
  }
}

function common({ key }) {
  if (key === "?") return () => $("help").showModal();
  if (key === "t") return nextTheme;
  return undefined;
}

function onOverview({ key, target }) {
  switch (key) {
    case "/":
      return () => $("search").focus();
    case "j":
    case "ArrowDown":
      return () => moveRow(1);
    case "k":
    case "ArrowUp":
      return () => moveRow(-1);
    case "Escape":
      return target === $("search") ? () => target.blur() : undefined;
    default:
      return undefined;
  }
}

const FRAME = 20_000;

function onScenario({ key, shiftKey, target }) {
  const plays = target.matches("audio, input[type=range]");
  const presses = target.matches("button, a, summary, input");
  const { evidence } = state;
  switch (key) {
    case "Escape":
      return panel?.contains(target) ? () => document.querySelector(".drawing").focus({ preventScroll: true }) : () => (location.hash = "");
    case "/":
      return () => {
        location.hash = "";
        setTimeout(() => $("search").focus());
      };
    case "n":
    case "p":
      return () => neighbour(key === "n" ? 1 : -1);
    case "f":
    case "F":
      return () => {
        setFinding(state.finding + (key === "f" ? 1 : -1));
        (document.querySelector(`[data-one="${state.finding}"]`) ?? document.querySelector(".findings"))?.scrollIntoView({ block: "nearest" });
      };
    case " ":
      return evidence && !plays && !presses ? playFinding : undefined;
    case "ArrowLeft":
    case "ArrowRight":
      return evidence && !plays ? () => setHead(state.head + (key === "ArrowLeft" ? -1 : 1) * (shiftKey ? 1e6 : FRAME)) : undefined;
    case "+":
    case "=":
      return () => zoom(0.5);
    case "-":
      return () => zoom(2);
    case "0":
      return () => setView(state.begin, state.end);
    case "j":
    case "k":
      return evidence?.messages.length ? () => moveMessage(key === "j" ? 1 : -1) : undefined;
    case "ArrowDown":
    case "ArrowUp":
      return target.matches(".drawing") ? () => moveMessage(key === "ArrowDown" ? 1 : -1) : undefined;
    case "Enter":
      return ladder.selected !== null && !presses && evidence?.messages.length ? () => readMessage() : undefined;
    default:
      return undefined;
  }
}

function readMessage() {
  panel.scrollIntoView({ block: "nearest" });
  panel.focus({ preventScroll: true });
}

function neighbour(by) {
  const order = shownRows().map((row) => Number(row.dataset.order));
  const next = order[order.indexOf(state.at) + by];
  if (next !== undefined) location.hash = `#s${next}`;
}

