// The overview: filter, order, and the way to a scenario.

const overview = { verdict: "", text: "", sort: "severity", down: false };
const rows = [...document.querySelectorAll("#list tbody tr")];
const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
/** In the order in which they stand, without those filtered out. */
const shownRows = () => [...document.querySelectorAll("#list tbody tr:not([hidden])")];
const linkOf = (row) => row.querySelector("a");

function filterRows() {
  const words = overview.text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const fits = !overview.verdict || row.dataset.verdict === overview.verdict;
    row.hidden = !(fits && words.every((word) => texts.get(row).includes(word)));
    shown += row.hidden ? 0 : 1;
  }
  for (const chip of document.querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(chip.dataset.verdict === overview.verdict));
  }
  $("none").hidden = shown > 0 || rows.length === 0;
  $("shown").textContent = shown === rows.length ? "" : `${shown} of ${rows.length} shown`;
}

function sortRows() {
  const key = (row) => Number(row.dataset[overview.sort]);
  const turn = overview.down ? -1 : 1;
  const order = (a, b) => turn * (key(a) - key(b)) || Number(a.dataset.order) - Number(b.dataset.order);
  document.querySelector("#list tbody").append(...rows.toSorted(order));
  for (const button of document.querySelectorAll("#list th button")) {
    const sorted = button.dataset.sort === overview.sort ? (overview.down ? "descending" : "ascending") : "none";
    button.parentElement.setAttribute("aria-sort", sorted);
  }
}

/** Moves the focus to the next or previous row. */
function moveRow(by) {
  const all = shownRows();
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : clamp(now + by, 0, all.length - 1);
  if (all[next]) linkOf(all[next]).focus();
}

function beginOverview() {
  $("search").addEventListener("input", (event) => {
    overview.text = event.target.value;
    filterRows();
  });
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      overview.verdict = chip.dataset.verdict;
      filterRows();
    });
  }
  $("clear").addEventListener("click", () => {
    Object.assign(overview, { verdict: "", text: "" });
    $("search").value = "";
    filterRows();
    $("search").focus();
  });
  for (const button of document.querySelectorAll("#list th button")) {
    button.addEventListener("click", () => {
      const same = overview.sort === button.dataset.sort;
      // Figures are asked for from the greatest down.
      const down = button.parentElement.classList.contains("number");
      Object.assign(overview, { sort: button.dataset.sort, down: same ? !overview.down : down });
      sortRows();
    });
  }
  for (const row of rows) {
    row.addEventListener("click", (event) => {
      if (!event.target.closest("a") && !String(getSelection())) linkOf(row).click();
    });
  }
}

