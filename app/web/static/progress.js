// A file that is too large is refused before it is sent; a load's progress comes by itself.
// Without this script the server refuses the file, and the page of a load reloads itself.

const form = document.querySelector("form[data-limit-mb]");

form?.addEventListener("change", (event) => {
  const input = event.target;
  if (input.type !== "file" || input.name !== "file") return;
  const limit = Number(form.dataset.limitMb);
  const large = (input.files[0]?.size ?? 0) > limit * 2 ** 20;
  input.setCustomValidity(large ? `This file is larger than ${limit} MB.` : "");
  input.reportValidity();
});

const target = document.querySelector("[data-progress]");

async function refresh() {
  try {
    const answer = await fetch(target.dataset.progress);
    const text = await answer.text();
    if (answer.redirected) return location.reload(); // signed out
    if (answer.ok) {
      const parsed = new DOMParser().parseFromString(text, "text/html");
      if (!parsed.querySelector('[data-state="running"]')) return location.reload();
      target.replaceChildren(...parsed.body.childNodes);
    }
  } catch {
    // The network is away for a moment: ask again.
  }
  setTimeout(refresh, 1000);
}

if (target) setTimeout(refresh, 500);
