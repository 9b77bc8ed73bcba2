// Negotiation: the offers follow the figures as they are typed, digits choose an offer, its close takes the focus. Without
// this file "Find offers" brings the same offers, and the list is chosen from with the arrow keys.

const ask = document.getElementById("deal-ask");
const close = document.getElementById("deal-close");
const list = document.getElementById("deal-list");
const status = document.getElementById("deal-status");
const chosen = () => close?.querySelector("input[name=option]:checked") ?? list.querySelector("input:checked");

// --- offers as the figures are typed -----------------------------------------------------------------------

let timer = 0;
let asked = 0;
let telling = 0;

async function refresh() {
  const mine = ++asked;
  const before = chosen()?.value;
  try {
    const answer = await fetch(ask.dataset.live, { method: "POST", body: new URLSearchParams(new FormData(ask)) });
    const text = await answer.text();
    // An answer that was overtaken by a later one is dropped; so is a sign-in page.
    if (mine !== asked || !answer.ok || answer.redirected) return;
    const isOpen = [...list.querySelectorAll("details")].map((each) => [each.className, each.open]);
    list.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
    for (const [name, open] of isOpen) {
      const same = name && list.querySelector(`details.${name}`);
      if (same && open) same.open = true;
    }
    const same = before && list.querySelector(`input[value="${CSS.escape(before)}"]`);
    if (same) same.checked = true;
    mark();
    copy();
    sync();
    tell();
  } catch {
    // Offline: the button still works once the network is back.
  }
}

// Each fault stands beside its field, as on a refused page.
function mark() {
  for (const field of ask.elements) {
    const box = field.id && field.closest(".field");
    if (!box) continue;
    const id = `${field.id}-error`;
    const fault = list.querySelector(`[data-fault="${CSS.escape(field.name)}"]`)?.textContent ?? "";
    const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
    document.getElementById(id)?.remove();
    box.classList.toggle("has-error", Boolean(fault));
    if (fault) {
      field.before(Object.assign(document.createElement("p"), { className: "error", id, textContent: fault }));
      field.setAttribute("aria-invalid", "true");
      described.push(id);
      field.closest("details")?.setAttribute("open", "");
    } else field.removeAttribute("aria-invalid");
    if (described.length) field.setAttribute("aria-describedby", described.join(" "));
    else field.removeAttribute("aria-describedby");
  }
}

// A screen reader hears what came of the figures once the typing rests.
function tell() {
  clearTimeout(telling);
  telling = setTimeout(() => {
    const told = list.querySelector("[data-told]")?.dataset.told ?? list.querySelector(".empty")?.textContent.trim() ?? "";
    if (status.textContent !== told) status.textContent = told;
  }, 900);
}

// The close is about the figures that its offers were found for.
function copy() {
  if (!close) return;
  for (const field of ask.elements) {
    if (!field.name || ["csrf_token", "once"].includes(field.name)) continue;
    const own = close.querySelector(`input[type=hidden][name="${CSS.escape(field.name)}"]`);
    if (own) own.value = field.value;
  }
}

ask.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(refresh, 200);
});

// --- the chosen offer --------------------------------------------------------------------------------------

function sync() {
  if (!close) return;
  const option = chosen();
  const say = close.querySelector("[data-say]");
  const parts = option?.closest("tr").querySelector(".deal-parts table");
  close.querySelector(".deal-schedule").hidden = !parts;
  close.querySelector("[data-parts]").replaceChildren(...(parts ? [parts.cloneNode(true)] : []));
  say.textContent = option ? `Read back: “${option.dataset.readBack}”` : "";
  const buttons = close.querySelector(".deal-buttons");
  const first = buttons.querySelector(option?.dataset.alone === "no" ? ".primary.beyond" : ".primary.alone");
  buttons.prepend(first); // Enter in a field presses the first
}

function choose(radio) {
  radio.checked = true;
  radio.closest("details")?.setAttribute("open", "");
  radio.dispatchEvent(new Event("input", { bubbles: true }));
  sync();
  const field = radio.dataset.alone === "no" ? close.elements.reason : close.elements.read_back;
  field?.focus();
}

document.addEventListener("change", (event) => event.target.name === "option" && sync());

const writes = (element) => element.matches?.("textarea, select, input:not([type=radio], [type=checkbox])");

document.addEventListener("keydown", (event) => {
  if (document.body.dataset.keys === "off" || !close) return;
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
  // On a layout whose digits stand behind Shift (AZERTY) the place counts.
  const digit = !event.shiftKey && /^Digit[1-9]$/.test(event.code) ? event.code.slice(-1) : event.key;
  const radio = /^[1-9]$/.test(digit) && list.querySelector(`input[data-pick="${digit}"]`);
  if (!radio) return;
  event.preventDefault();
  event.stopPropagation();
  choose(radio);
}, true);

addEventListener("pageshow", sync);
addEventListener("load", () => document.querySelector("main [aria-invalid=true]")?.focus());
