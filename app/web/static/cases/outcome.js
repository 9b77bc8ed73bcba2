// The outcome bar by keyboard: 1 to 9 choose a result, 0 shows more and then a letter chooses one of them, only its own
// fields are shown. Ctrl+Enter saves,
// . goes from a call of ours to one of theirs, letter, e-mail and visit, and , back,
// Ctrl+Shift+Enter saves and goes on to the next case. Without this file a button shows the fields.

const form = document.querySelector("form[data-outcome]");
const results = () => [...form.elements.result];
const writes = (element) => element.matches?.("textarea, select, input:not([type=radio], [type=checkbox])");

// A code of calls alone is not shown for a letter. Without this file the answer says which code does not fit.
function fitWay() {
  const way = form.elements.way.value;
  for (const radio of results()) {
    const fits = !radio.dataset.ways || radio.dataset.ways.split(" ").includes(way);
    radio.disabled = !fits;
    radio.closest("li").hidden = !fits;
    if (!fits) radio.checked = false;
  }
  const isCall = way === "call";
  form.querySelector("[data-save]").textContent = isCall ? "Save call" : `Save ${form.elements.way.selectedOptions[0].textContent.toLowerCase()}`;
  for (const [rows, shown] of [["[data-calls]", isCall], ["[data-not-calls]", !isCall]]) {
    for (const row of form.querySelectorAll(rows)) {
      row.hidden = !shown;
      for (const field of row.querySelectorAll("input, select")) field.disabled = !shown;
    }
  }
}

// Read out where no result is chosen yet: the way that the keys . and , have come to.
function wayInWords() {
  const { way, direction } = form.elements;
  if (way.value === "call" && direction.value === "out") return "";
  const who = direction.value === "in" ? "from the customer" : "from us";
  return `${way.selectedOptions[0].textContent} ${who}. Choose its result`;
}

function chooseWay(way) {
  form.elements.way.value = way;
  // Our own letters leave through the desk: one that is logged by hand came from the customer.
  form.elements.direction.value = ["post", "email"].includes(way) ? "in" : "out";
  sync();
}

// From a call of ours to one of theirs, the most frequent, then to letter, e-mail and visit.
function nextWay(step) {
  const { way, direction } = form.elements;
  const isCall = way.value === "call";
  if (isCall && direction.value === (step > 0 ? "out" : "in")) {
    direction.value = step > 0 ? "in" : "out";
    sync();
  } else {
    const n = way.options.length;
    chooseWay(way.options[(way.selectedIndex + step + n) % n].value);
    if (step < 0 && way.value === "call") direction.value = "in";
    sync();
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
  form.querySelector("legend").focus();
}

function sync() {
  fitWay();
  const chosen = form.querySelector("input[name=result]:checked");
  const asks = (chosen?.dataset.asks ?? "").split(" ");
  inOrder(asks);
  for (const field of form.querySelectorAll("[data-field]")) {
    const shown = asks.includes(field.dataset.field);
    field.hidden = !shown;
    if (field.matches("fieldset")) {
      field.disabled = !shown;
      const isNeeded = field.dataset.requires.split(" ").includes(chosen?.value);
      for (const mark of field.querySelectorAll(".optional")) mark.hidden = isNeeded;
    }
  }
  form.querySelector("[data-shown]").textContent = chosen?.dataset.preview ?? wayInWords();
  if (asks.includes("paid_on")) look();
  return chosen;
}

// The fields stand, and take the focus, in the order in which the code asks for them: a callback begins with its time.
function inOrder(asks) {
  const fields = form.querySelector(".outcome-fields");
  const wanted = asks.map((name) => fields.querySelector(`[data-field="${CSS.escape(name)}"]`)).filter(Boolean);
  const first = [...fields.children].slice(0, wanted.length);
  if (wanted.some((field, n) => field !== first[n])) fields.prepend(...wanted);
}

function choose(radio) {
  radio.checked = true;
  radio.closest("details")?.setAttribute("open", "");
  sync();
  form.dispatchEvent(new Event("input", { bubbles: true }));
  const first = form.querySelector("fieldset.outcome-field:not([hidden]) :is(input, select, textarea)");
  // A promise that is only possible waits behind the note: date fields take many tabs.
  const needed = first?.closest("[data-field]").dataset.requires.split(" ").includes(radio.value);
  const isToWrite = !first || (first.name === "amount" && !needed);
  (isToWrite ? form.elements.note : first).focus();
}

// --- payments that could be the one they speak of ----------------------------------------------------------

let asked = 0;
async function look() {
  const list = form.querySelector("[data-payments]");
  const mine = ++asked;
  const about = new URLSearchParams();
  for (const name of ["paid_amount", "paid_on"]) about.set(name, form.elements[name].value);
  try {
    const answer = await fetch(`${list.dataset.payments}?${about}`);
    const text = await answer.text();
    if (mine !== asked || !answer.ok || answer.redirected) return;
    list.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  } catch {
    // Offline: the link to all unmatched payments stays.
  }
}

// --- keys --------------------------------------------------------------------------------------------------

function save(isNext) {
  const next = form.querySelector("[data-next]");
  isNext ? form.requestSubmit(next) : form.requestSubmit();
}

// A letter counts only while the focus is among the codes of More: there no letter writes, and none is a shortcut.
const inMore = (target) => target.closest?.(".outcome-more[open]") && !writes(target);

function chooseLetter(event) {
  const isForeign = event.key.length === 1 && event.key > "\u007f" && /^Key[A-Z]$/.test(event.code);
  const letter = (isForeign ? event.code.slice(-1) : event.key).toLowerCase();
  const radio = /^[a-z]$/.test(letter) && results().find((each) => each.dataset.letter === letter && !each.disabled);
  if (!radio) return false;
  event.preventDefault();
  event.stopPropagation();
  choose(radio);
  return true;
}

document.addEventListener("keydown", (event) => {
  if (!form || event.isComposing || event.keyCode === 229 || document.querySelector("dialog[open]")) return;
  const inside = form.contains(event.target);
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const other = !inside && (event.target.form ?? event.target.closest?.("form"));
    if (other && other.method === "post") return;
    if (!inside && !form.querySelector("input[name=result]:checked")) return;
    event.preventDefault();
    event.stopPropagation();
    save(event.shiftKey);
    return;
  }
  if (document.body.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey) return;
  // On a layout whose digits stand behind Shift (AZERTY), or that has digits of its own, the place counts.
  const digit = !event.shiftKey && /^Digit[0-9]$/.test(event.code) ? event.code.slice(-1) : event.key;
  if (inMore(event.target) && chooseLetter(event)) return;
  if ((event.key === "." || event.key === ",") && !writes(event.target) && (inside || !event.target.closest?.("details[open] form"))) {
    event.preventDefault();
    event.stopPropagation();
    return nextWay(event.key === "." ? 1 : -1);
  }
  if (!/^[0-9]$/.test(digit) || writes(event.target) || (!inside && event.target.closest?.("details[open] form"))) return;
  const radio = results().find((each) => each.dataset.key === digit && !each.disabled);
  const more = form.querySelector(".outcome-more");
  if (!radio && digit !== "0") return;
  event.preventDefault();
  event.stopPropagation();
  if (radio) return choose(radio);
  more.open = !(more.open && more.contains(event.target));
  (more.open ? more.querySelector("input:checked") ?? more.querySelector("input:enabled") : more.querySelector("summary"))?.focus();
}, true);

if (form) {
  form.addEventListener("change", (event) => {
    if (event.target.name === "result") sync();
    if (event.target.name === "way") chooseWay(event.target.value);
    if (event.target.name === "saved" && event.target.value) {
      const note = form.elements.note;
      note.setRangeText(event.target.value, note.selectionStart, note.selectionEnd, "end");
      event.target.value = "";
      note.focus();
    }
    if (["paid_amount", "paid_on"].includes(event.target.name)) look();
  });
  form.addEventListener("click", (event) => {
    const fill = event.target.closest("[data-fill]");
    if (fill) document.getElementById(fill.dataset.fill).value = fill.dataset.value;
    // A click with the mouse on a result goes on to its first field; arrow keys only move through them.
    if (event.detail && event.target.matches("input[name=result]")) choose(event.target);
  });
  form.querySelector("[data-fields]").hidden = true;
  // The number that is called is the one of which the result speaks.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='tel:']");
    const number = form.elements.number;
    if (!link || !number) return;
    const called = link.getAttribute("href").slice("tel:".length);
    number.value = [...number.options].some((option) => option.value === called) ? called : "";
  });
  addEventListener("pageshow", sync);
  form.addEventListener("reset", () => setTimeout(sync));
  // A draft that comes back puts its notice into the form.
  new MutationObserver(sync).observe(form, { childList: true });
  sync();
}
