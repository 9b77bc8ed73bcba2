// The worklist keeps itself fresh: each minute the page is asked for again. While the reader stands in a row the rows
// stay where they are, and a live region says what changed; otherwise they are replaced. Works without this file, too.

const EVERY = 60_000;
const news = document.getElementById("queue-news");
const part = (root, name) => root.querySelector(`[data-refresh="${name}"]`);

const counts = (root) =>
  new Map([...root.querySelectorAll("[data-refresh=counts] [data-count]")].map((link) => [link.dataset.label, +link.dataset.count]));

function changes(before, after) {
  const said = [];
  for (const [label, count] of after) {
    const more = count - (before.get(label) ?? 0);
    if (more > 0) said.push(`${more} more: ${label}`);
  }
  return said.join(", ");
}

const isReading = () => {
  const rows = part(document, "rows");
  return rows?.contains(document.activeElement) || rows?.querySelector("tr.is-current, tr:hover, details[open]");
};

async function refresh() {
  if (document.hidden || document.querySelector(".queue-filter[open] :focus")) return;
  const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const said = changes(counts(document), counts(fresh));
  const row = document.activeElement?.closest("tr") ?? document.querySelector("tr.is-current");
  const top = row?.getBoundingClientRect().top;
  const head = part(document, "counts").parentElement;
  head.style.minHeight = `${head.offsetHeight}px`;
  part(document, "counts").replaceWith(part(fresh, "counts"));
  if (part(fresh, "resting")) part(document, "resting")?.replaceWith(part(fresh, "resting"));
  document.title = fresh.title;
  if (isReading()) update(fresh);
  else part(document, "rows").replaceWith(part(fresh, "rows"));
  if (row?.isConnected) scrollBy(0, row.getBoundingClientRect().top - top);
  if (said) news.textContent = said;
}

// Rows that are still there take their new cells in place; none moves, comes or goes under the reader.
function update(fresh) {
  for (const row of part(document, "rows").querySelectorAll("tr[id]")) {
    const now = fresh.getElementById(row.id);
    row.classList.toggle("dim", !now);
    if (!now) continue;
    [...row.cells].forEach((cell, n) => {
      if (!cell.contains(document.activeElement) && now.cells[n] && cell.innerHTML !== now.cells[n].innerHTML) {
        cell.replaceWith(now.cells[n].cloneNode(true));
      }
    });
  }
}

setInterval(refresh, EVERY);
document.addEventListener("queue:refresh", refresh);

// --- the row from which a case was opened: its number goes into the address, so that the way back finds it ----

document.addEventListener("click", (event) => {
  const row = event.target.closest("[data-refresh=rows] tr[id]");
  if (row && event.target.closest("a[href^='/cases/']")) history.replaceState(null, "", `#${row.id}`);
});

function stand() {
  const row = /^#case-\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (!row) return;
  row.closest("details")?.setAttribute("open", "");
  row.querySelector("a[href]").focus({ preventScroll: true });
  row.scrollIntoView({ block: "center" });
}
// After the browser has gone to the fragment itself, which takes the focus away again.
addEventListener("pageshow", (event) => {
  if (event.persisted) refresh().then(stand);
  else requestAnimationFrame(() => setTimeout(stand));
});
