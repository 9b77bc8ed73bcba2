// What the keyboard adds. Every page works without this file.

const ROW = "[data-rows] tbody tr";

// Letters are written there; in a box that is ticked they are keys.
const typing = (element) =>
  element.isContentEditable || element.matches?.("input:not([type=checkbox], [type=radio]), select, textarea");

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

const searchField = () => document.querySelector("form.find input[type=search]");

// Every key of the frame and what it does, when it works. Pages add theirs with data-key; the sheet lists both.
const KEYS = [
  ["j", "Next row", () => walk(1), () => rows().length],
  ["k", "Previous row", () => walk(-1), () => rows().length],
  ["Enter", "Open the row", null, () => rows().length],
  ["/", "Find a customer", () => searchField()?.focus(), searchField],
  ["Ctrl+K", "Find a customer, also from within a field", null, searchField],
  ["Ctrl+Enter", "Send the form", null, () => document.querySelector("form[method=post]")],
  ["Ctrl+Shift+Enter", "Save and open the next case", null, () => document.querySelector("[data-next]")],
  ["Esc", "Close the form", null, () => document.querySelector("details[name=action], [data-opens]")],
  ["?", "This list", () => help(), () => true],
];

// A person can switch off the keys that act alone (WCAG 2.1.4).
const singleKeys = document.body.dataset.keys !== "off";
const isSingle = (key) => /^(0 )?.$/u.test(key);

// Inside a form a letter is a letter, whatever has the focus; so is one that an input method is still composing.
const writing = (event) =>
  composing(event) || typing(event.target) || event.target.closest?.("dialog, details[open] form");

// The key as it is written here. A layout without Latin letters (Cyrillic, Greek, Arabic, Bopomofo) has them at the same
// place; on AZERTY the digits stand behind Shift. Keys of symbols differ too much to be guessed.
function keyOf(event) {
  if (/^Digit[0-9]$/.test(event.code) && !event.shiftKey && !document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)) {
    return event.code.slice(-1);
  }
  const isForeign = event.key.length === 1 && event.key > "\u007f";
  return isForeign && /^Key[A-Z]$/.test(event.code) && !event.shiftKey ? event.code.slice(-1).toLowerCase() : event.key;
}

// Enter that ends a composition also reaches Safari as 229.
const composing = (event) => event.isComposing || event.keyCode === 229;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return close(event);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return composing(event) || send(event);
  if (event.ctrlKey || event.metaKey || event.altKey || writing(event)) return;
  const pressed = keyOf(event);
  if (!singleKeys && isSingle(pressed)) return;
  // A page adds its own with <button data-key="p" data-key-label="Record a promise"> or the same on a link.
  const own = document.querySelector(`[data-key="${CSS.escape(pressed)}"]`);
  const action = own ? () => press(own) : KEYS.find(([key]) => key === pressed)?.[2];
  if (!action) return;
  event.preventDefault();
  action();
});

function press(own) {
  if (!own.matches("a, button, summary")) return own.focus();
  const details = own.closest("details");
  // A form that a draft has opened is gone to, not closed: Esc closes.
  if (own.matches("summary") && details?.open && details.querySelector("form")) return focusFirst(details);
  own.click();
  if (own.matches("summary") && details) requestAnimationFrame(() => details.open && focusFirst(details));
}

function focusFirst(details) {
  const field = details.querySelector(
    "form :is(select, textarea, input:not([type=hidden]), button):not([disabled])",
  );
  (field ?? details.querySelector("summary")).focus();
  details.scrollIntoView({ block: "nearest" });
}

// A page that comes with a form open, by a link or after a refusal, begins in it: at its first fault, its next button, or
// its first field. (A browser leaves autofocus aside where the address names a place on the page.)
function beginInForm() {
  const details = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!details || !details.matches("details[open]") || !details.querySelector("form")) return;
  if (document.activeElement !== document.body) return;
  const wrong = details.querySelector("form [aria-invalid=true]");
  const next = details.querySelector("form [autofocus]");
  if (wrong) wrong.focus();
  else if (next) next.focus({ preventScroll: true }); // what stands before it is read first
  else focusFirst(details);
}

addEventListener("load", beginInForm);

function send(event) {
  const form = event.target.form ?? event.target.closest?.("form");
  if (form?.method !== "post") return;
  event.preventDefault();
  // The button that Enter would press; one that is a decision by its own name is never pressed by a key.
  const buttons = [...form.elements].filter((each) => each.type === "submit" && each.offsetParent);
  // A part of the form that opens has a button of its own: why a customer refuses is not sent as an acceptance.
  const part = event.target.closest?.("form details");
  form.requestSubmit(buttons.find((each) => !each.name && part?.contains(each)) ?? buttons.find((each) => !each.name));
}

// What was typed stays in the form that is closed.
function close(event) {
  if (composing(event) || document.querySelector("dialog[open]")) return;
  const details = event.target.closest?.("details[open]");
  if (!details?.querySelector("form")) return;
  details.open = false;
  details.querySelector("summary").focus();
}

function help() {
  let dialog = document.getElementById("key-help");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "key-help";
    dialog.setAttribute("aria-labelledby", "key-help-title");
    const title = Object.assign(document.createElement("h2"), { id: "key-help-title", textContent: "Keyboard shortcuts" });
    const list = document.createElement("dl");
    const own = [...document.querySelectorAll("[data-key], [data-letter]")].map((element) => [
      element.dataset.key ?? `0 ${element.dataset.letter}`,
      element.dataset.keyLabel || element.textContent.trim(),
    ]);
    const here = KEYS.filter(([, , , works]) => works());
    for (const [key, label] of [...here, ...own].filter(([key]) => singleKeys || !isSingle(key))) {
      const term = document.createElement("dt");
      term.append(Object.assign(document.createElement("kbd"), { textContent: key }));
      list.append(term, Object.assign(document.createElement("dd"), { textContent: label }));
    }
    const close = Object.assign(document.createElement("button"), {
      className: "button", type: "button", textContent: "Close", onclick: () => dialog.close(),
    });
    const choice = Object.assign(document.createElement("a"), {
      href: "/account", textContent: singleKeys ? "Switch single keys off" : "Switch single keys on",
    });
    dialog.append(title, list, choice, close);
    document.body.append(dialog);
  }
  if (dialog.open) dialog.close();
  else dialog.showModal();
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

// --- areas of the navigation: closed on a narrow screen, where they would stand before the page ---

if (matchMedia("(width <= 52rem)").matches) {
  for (const area of document.querySelectorAll(".nav .area")) area.open = false;
}
