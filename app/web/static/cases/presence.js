// Says every few seconds that this page is open, and shows who else has it open. Opening the form of a call, or calling,
// marks the person as on the telephone; an idle page, a saved call or leaving ends that.

const panel = document.querySelector("[data-presence]");
const token = document.querySelector("input[name=csrf_token]")?.value;
const IDLE = 10 * 60 * 1000;
let touched = Date.now();

// Whoever writes in the form of a call, or has chosen its result, is on the telephone.
const CALL = "form[data-call-form]";
const callForm = () => document.querySelector(`${CALL}:focus-within, ${CALL}:has(input[name=result]:checked)`);
const isCalling = () => (callForm() && Date.now() - touched < IDLE ? "yes" : "no");

const body = (values) => new URLSearchParams({ csrf_token: token, ...values });

async function beat() {
  if (document.hidden && isCalling() === "no") return;
  try {
    const answer = await fetch(panel.dataset.presence, { method: "POST", body: body({ calling: isCalling() }) });
    if (!answer.ok || answer.redirected) return;
    const text = (await answer.text()).trim();
    if (text === panel.dataset.shown) return;
    panel.dataset.shown = text;
    panel.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  } catch {
    // Offline: the colleague's page forgets this one after a minute.
  }
}

if (panel && token) {
  beat();
  setInterval(beat, 1000 * panel.dataset.beat);
  for (const kind of ["input", "keydown", "pointerdown"]) {
    document.addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  }
  let calling = isCalling();
  for (const kind of ["focusin", "change"]) {
    document.querySelector(CALL)?.addEventListener(kind, () => {
      if (calling === "no") beat();
      calling = isCalling();
    });
  }
  document.addEventListener("visibilitychange", () => document.hidden || beat());
  document.addEventListener("click", (event) => {
    if (!event.target.closest("a[href^='tel:']")) return;
    const caller = panel.querySelector("[data-caller]")?.dataset.caller;
    if (caller && !confirm(`${caller} is on the telephone about this case. Call all the same?`)) {
      event.preventDefault();
      return;
    }
    fetch(panel.dataset.presence, { method: "POST", body: body({ calling: "yes" }), keepalive: true });
  });
  addEventListener("pagehide", () => navigator.sendBeacon(panel.dataset.presence, body({ left: "1" })));
}
