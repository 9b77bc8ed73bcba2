// The bar of callbacks that are due, on every page: asked for again each minute, told once by a live region.

const bar = document.getElementById("callback-bar");

async function look() {
  if (document.hidden || bar.contains(document.activeElement)) return;
  const answer = await fetch("/worklist/callbacks/bar").catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  const shown = bar.querySelector("[data-case]")?.dataset.case;
  const next = fresh.querySelector("[data-case]")?.dataset.case;
  fresh.querySelector("[name=back]")?.setAttribute("value", location.pathname + location.search);
  if (shown !== next) bar.replaceChildren(...fresh.childNodes);
}

if (bar) {
  setInterval(look, 60_000);
  document.addEventListener("callbacks:look", look);
}
