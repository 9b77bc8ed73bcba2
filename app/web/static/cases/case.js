// The schedule of a plan, and an SMS as it will be sent, refresh while they are typed. Without this file their "Show"
// buttons do the same.

function follow(button) {
  const form = button.form;
  const target = document.getElementById(button.dataset.preview);
  let timer = 0;
  let asked = 0;

  const refresh = async () => {
    const mine = ++asked;
    const body = new URLSearchParams(new FormData(form));
    body.set("fragment", "1");
    try {
      const answer = await fetch(button.formAction.split("#")[0], { method: "POST", body });
      const text = await answer.text();
      // An answer that was overtaken by a later one is dropped; so is a sign-in page.
      if (mine !== asked || !answer.ok || answer.redirected) return;
      const parsed = new DOMParser().parseFromString(text, "text/html");
      target.replaceChildren(...parsed.body.childNodes);
    } catch {
      // Offline: the button still works once the network is back.
    }
  };

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 250);
  };
  // What is typed in an answer is not what it was asked for.
  form.addEventListener("input", (event) => target.contains(event.target) || soon());
  form.closest("details")?.addEventListener("toggle", (event) => {
    if (event.target.open && !target.children.length) soon();
  });
}

const followIn = (part) => part.querySelectorAll("button[data-preview]").forEach(follow);
followIn(document);
document.addEventListener("desk:form", (event) => followIn(event.target));
