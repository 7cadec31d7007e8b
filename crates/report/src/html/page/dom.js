// Elements, and words for numbers.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `el("p.quiet", { title: "…" }, "text", child)`. Text is always text, never markup. */
function el(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElement(tag), classes, rest);
}

/** The same for SVG. */
function svg(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElementNS(SVG, tag), classes, rest);
}

/** Adds what there is of `rest` to an element, as `el` does. */
const put = (element, ...rest) => fill(element, [], rest);

function fill(element, classes, rest) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const item of rest.flat(Infinity)) {
    if (item === null || item === undefined || item === false) continue;
    if (item instanceof Node) element.append(item);
    else if (typeof item === "object") for (const [key, value] of Object.entries(item)) give(element, key, value);
    else element.append(visible(String(item)));
  }
  return element;
}

function give(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else element.setAttribute(key, value === true ? "" : visible(String(value)));
}

/** Signs for characters that nobody would see, as the overview has them. */
function visible(text) {
  return text.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    const code = c.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "\u2421" : "\ufffd";
  });
}

const $ = (id) => document.getElementById(id);

/** `65.86` seconds as `1:05.860`. */
function clock(us, digits = 3) {
  const sign = us < 0 ? "−" : "";
  const unit = 10 ** (6 - digits);
  const whole = Math.round(Math.abs(us) / unit);
  const perSecond = 10 ** digits;
  const seconds = Math.floor(whole / perSecond);
  const rest = digits ? "." + String(whole % perSecond).padStart(digits, "0") : "";
  return `${sign}${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}${rest}`;
}

/** A stretch of a file's audio, in ms. */
const stretch = ([from, until]) => (from === until ? `${thousands(from)} ms into the file` : `${thousands(from)} to ${thousands(until)} ms of the file`);

const thousands = (n) => n.toLocaleString("en-US");
const count = (n, noun, plural = noun + "s") => `${thousands(n)} ${n === 1 ? noun : plural}`;
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
/** At most two decimals, and none that say nothing. */
const figure = (n) => (Math.round(n * 100) / 100).toLocaleString("en-US");

const VERDICTS = {
  "setup-error": "Not set up",
  finding: "Finding",
  inconclusive: "Inconclusive",
  pass: "Passed",
  skipped: "Skipped",
  flaky: "Flaky",
  "not-run": "Not run",
};

function verdict(key) {
  return el(`span.verdict.${key}`, svg("svg.mark", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("use", { href: `#mark-${key}` })), VERDICTS[key] ?? key);
}

/** A button that copies `text()`. */
function copier(text) {
  const button = el("button.small", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Cannot copy here";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

/** The value of a custom property of the style, such as `--class-lost`. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

