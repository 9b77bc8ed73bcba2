// The search box of every page: matches while typing. Without this file it is a form that opens /find.

const form = document.querySelector("form.find");
const field = form?.querySelector("input[type=search]");

if (field) {
  const list = Object.assign(document.createElement("ul"), { id: "find-list", className: "found", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.getAttribute("aria-label"));
  form.append(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-expanded": "false", "aria-controls": "find-list", "aria-autocomplete": "list",
  })) field.setAttribute(name, value);
  field.autocomplete = "off";

  let waiting = 0;
  let asked = "";
  let request = null;

  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  function show(open) {
    const place = field.getBoundingClientRect();
    list.style.insetInlineStart = `${Math.max(4, place.left)}px`;
    list.style.top = `${place.bottom}px`;
    list.hidden = !open;
    field.setAttribute("aria-expanded", String(open));
    if (!open) choose(null);
  }

  function choose(option) {
    chosen()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  }

  function step(by) {
    const all = options();
    if (!all.length) return;
    if (list.hidden) show(true);
    const at = all.indexOf(chosen());
    choose(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length]);
  }

  async function ask() {
    const text = field.value.trim();
    if (text === asked) return;
    asked = text;
    request?.abort();
    if (!text) return show(false);
    request = new AbortController();
    try {
      const answer = await fetch(`/find/options?q=${encodeURIComponent(text)}`, { signal: request.signal });
      if (!answer.ok || answer.redirected) return show(false); // Enter opens the page, which says what is wrong
      list.innerHTML = await answer.text();
      choose(null);
      show(document.activeElement === field);
    } catch (error) {
      if (error.name !== "AbortError") show(false);
    }
  }

  field.addEventListener("input", (event) => {
    choose(null); // Enter must not open a match of what was typed before
    if (event.isComposing) return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
  field.addEventListener("compositionend", ask);
  field.addEventListener("focus", () => field.value.trim() && options().length && show(true));
  field.addEventListener("blur", () => show(false));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // 229: the Enter that ends a composition, in Safari
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden && chosen()) {
      event.preventDefault();
      location.assign(chosen().dataset.href);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (list.hidden) field.blur();
      else show(false);
    }
  });
  // Before the field loses the focus and the list closes.
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("[data-href]");
    if (option && event.button === 0) location.assign(option.dataset.href);
  });
  // Works while a field has the focus, and also where single keys are switched off.
  document.addEventListener("keydown", (event) => {
    const isK = event.key.toLowerCase() === "k" || (event.key > "\u007f" && event.code === "KeyK");
    if (!isK || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}
