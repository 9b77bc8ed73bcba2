// A closed form of the case is a link. Its form is fetched once the pointer or the focus rests on the link, and opened in
// place. Without this file the link brings the page back with the form open.

// What was fetched ahead holds the figures of that moment, so it is used for a short time only.
const FRESH_MS = 20_000;
const fetched = new Map();

function load(link) {
  const at = link.dataset.opens;
  const known = fetched.get(at);
  if (known && Date.now() - known.at < FRESH_MS) return known.form;
  const form = take(at, link.id);
  fetched.set(at, { form, at: Date.now() });
  return form;
}

async function take(at, id) {
  try {
    const answer = await fetch(at);
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
  } catch {
    fetched.delete(at);
    return null;
  }
}

// Keys that are typed while a form is on its way belong to it; they are not shortcuts.
let coming = null;
let typed = "";
addEventListener("keydown", (event) => {
  if (!coming || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  typed += event.key;
}, true);

async function open(link, isWanted) {
  if (isWanted) [coming, typed] = [link, ""];
  const details = await load(link);
  const mine = coming === link;
  if (mine) coming = null;
  if (!link.isConnected) return;
  if (!details?.matches("details")) {
    if (isWanted) location.assign(link.href);
    return;
  }
  details.open = false; // so that it closes the one that is open
  link.replaceWith(details);
  details.open = true;
  details.dispatchEvent(new CustomEvent("desk:form", { bubbles: true }));
  if (mine && isWanted) focusFirst(details);
}

function focusFirst(details) {
  const find = (fields) => details.querySelector(`form :is(${fields}):not([disabled])`);
  const field = find("select, textarea, input:not([type=hidden])") ?? find("button");
  field?.focus();
  details.scrollIntoView({ block: "nearest" });
  if (typed && field?.matches("textarea, input:is([type=text], [type=search], [type=tel], [type=email])")) {
    field.value += typed;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// A link elsewhere on the page, such as "Answer" in the open items, opens the same form.
function formLink(from) {
  const link = from.closest?.("a[data-opens], a[href^='?do=']");
  const target = link?.dataset.opens ? link : link && document.getElementById(link.hash.slice(1));
  return target?.dataset.opens ? target : null;
}

document.addEventListener("click", (event) => {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = formLink(event.target);
  if (!link) return;
  event.preventDefault();
  open(link, true);
});

function near(event) {
  const link = event.target.closest?.("a[data-opens]");
  if (link) setTimeout(() => link.matches(":hover, :focus") && load(link), 60);
}
document.addEventListener("pointerover", near);
document.addEventListener("focusin", near);

// A draft of this form was kept (drafts.js): it is shown, without taking the focus.
document.addEventListener("desk:want", (event) => open(event.target, false));
