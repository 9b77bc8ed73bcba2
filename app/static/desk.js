// What the keyboard adds. Every page works without this file.

const ROW = "[data-rows] tbody tr";

const typing = (element) =>
  element.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName);

// --- rows: j and k walk a list, Enter opens the row's first link -------------------------------------------

const rows = () => [...document.querySelectorAll(ROW)].filter((row) => row.querySelector("a[href]"));

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const current = all.findIndex((row) => row.classList.contains("is-current"));
  const next = all[Math.min(all.length - 1, Math.max(0, current < 0 ? 0 : current + step))];
  mark(next);
  next.querySelector("a[href]").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function mark(row) {
  document.querySelectorAll(`${ROW}.is-current`).forEach((other) => other.classList.remove("is-current"));
  row.classList.add("is-current");
}

document.addEventListener("focusin", (event) => {
  const row = event.target.closest(ROW);
  if (row) mark(row);
});

// A click anywhere in a row opens it, unless it was meant for something else or text is being selected.
document.addEventListener("click", (event) => {
  const row = event.target.closest(ROW);
  if (!row || event.target.closest("a, button, input, select, textarea, label, summary")) return;
  if (String(getSelection())) return;
  row.querySelector("a[href]")?.click();
});

// --- keys --------------------------------------------------------------------------------------------------

const KEYS = [
  ["j", "Next row", () => walk(1)],
  ["k", "Previous row", () => walk(-1)],
  ["Enter", "Open the row", null],
  ["/", "Search or filter", () => document.querySelector('[role="search"] input, input[type="search"]')?.focus()],
  ["?", "This help", () => help()],
];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  // A page adds its own with <button data-key="p" data-key-label="Record a promise"> or the same on a link.
  const own = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  const action = own ? () => (own.matches("a, button, summary") ? own.click() : own.focus())
    : KEYS.find(([key]) => key === event.key)?.[2];
  if (!action) return;
  event.preventDefault();
  action();
});

function help() {
  let dialog = document.getElementById("key-help");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "key-help";
    dialog.setAttribute("aria-labelledby", "key-help-title");
    const title = Object.assign(document.createElement("h2"), { id: "key-help-title", textContent: "Keys" });
    const list = document.createElement("dl");
    const own = [...document.querySelectorAll("[data-key]")].map((element) => [
      element.dataset.key,
      element.dataset.keyLabel || element.textContent.trim(),
    ]);
    for (const [key, label] of [...KEYS, ...own]) {
      const term = document.createElement("dt");
      term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
      list.append(term, Object.assign(document.createElement("dd"), { textContent: label }));
    }
    const close = Object.assign(document.createElement("button"), {
      className: "button", type: "button", textContent: "Close", onclick: () => dialog.close(),
    });
    dialog.append(title, list, close);
    document.body.append(dialog);
  }
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

// --- typed text is never lost: kept for this tab until its form is sent --------------------------------------

// Pages that mean "your form was not taken" (signing in again, an error): what was typed stays kept.
if (document.querySelector("[data-unsent]")) {
  Object.keys(sessionStorage).filter((key) => key.endsWith(":sent")).forEach((key) => sessionStorage.removeItem(key));
}

const keepKey = (field) => `keep:${location.pathname}:${field.form?.getAttribute("action") ?? ""}:${field.name}`;

for (const field of document.querySelectorAll("textarea[data-keep]")) {
  const key = keepKey(field);
  const sent = `${key}:sent`;
  // A form was sent and this page came back: if the text was refused the server shows it again by itself.
  if (sessionStorage.getItem(sent) && performance.getEntriesByType("navigation")[0]?.type !== "back_forward") {
    sessionStorage.removeItem(key);
  }
  sessionStorage.removeItem(sent);
  const kept = sessionStorage.getItem(key);
  if (kept && !field.value) field.value = kept;
  field.addEventListener("input", () => {
    if (field.value) sessionStorage.setItem(key, field.value);
    else sessionStorage.removeItem(key);
  });
  field.form?.addEventListener("submit", () => sessionStorage.setItem(sent, "1"));
}

// --- copying a secret that is shown once ---------------------------------------------------------------------

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
