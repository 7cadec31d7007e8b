// The beginning: theme, help, and which of overview and scenario is shown.

const titleOfRun = document.title;
const THEMES = ["system", "light", "dark"];
let theme = "system";

function setTheme(name) {
  theme = name;
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  $("theme").textContent = `Theme: ${name}`;
  try {
    localStorage.setItem("mixedmode-theme", name);
  } catch {
    // A file opened without storage forgets the theme.
  }
  tell("view");
}

const nextTheme = () => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]);

function storedTheme() {
  try {
    const name = localStorage.getItem("mixedmode-theme");
    return THEMES.includes(name) ? name : "system";
  } catch {
    return "system";
  }
}

function route() {
  const at = location.hash.match(/^#s(\d+)$/);
  if (at) openScenario(Number(at[1]));
  else if (state.at !== null || !$("scenario").hidden) closeScenario();
}

document.body.append(tip);
beginOverview();
setTheme(storedTheme());
$("theme").addEventListener("click", nextTheme);
$("help-open").addEventListener("click", () => $("help").showModal());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => tell("view"));
document.addEventListener("keydown", pressed);
addEventListener("hashchange", route);
addEventListener("scroll", () => tell("scroll"), { passive: true });
// What folds or unfolds brings pictures into the window too.
new ResizeObserver(() => tell("scroll")).observe(document.body);
route();
