// What is typed into a form is never lost: it is kept for this tab and this person until the form was taken. It comes back
// into the open form, with a sign that it was not sent. Without this file a refused form still shows what was typed.

const user = document.body.dataset.user ?? "";

// Pages that mean "your form was not taken" (signing in again, an error): what was typed stays kept.
if (document.querySelector("[data-unsent]")) {
  Object.keys(sessionStorage).filter((key) => key.endsWith(":sent")).forEach((key) => sessionStorage.removeItem(key));
}

const keyOf = (form) => `keep:${user}:${location.pathname}:${(form.getAttribute("action") ?? "").split("#")[0]}`;
const cameBack = () => performance.getEntriesByType("navigation")[0]?.type === "back_forward";
const kept = (field) => field.name && !["hidden", "password", "file", "submit"].includes(field.type);

function typedIn(form) {
  const values = {};
  for (const field of form.elements) {
    if (!kept(field)) continue;
    if (["checkbox", "radio"].includes(field.type)) {
      if (field.checked) values[field.name] = field.value;
    } else if (field.value) values[field.name] = field.value;
  }
  return values;
}

function restore(form, values) {
  for (const field of form.elements) {
    if (!kept(field) || field.name === "sure") continue;
    if (["checkbox", "radio"].includes(field.type)) field.checked = values[field.name] === field.value;
    else field.value = values[field.name] ?? "";
  }
}

function sign(form, forget) {
  const line = Object.assign(document.createElement("p"), { className: "notice draft" });
  line.dataset.tone = "info";
  line.setAttribute("role", "status");
  const drop = Object.assign(document.createElement("button"), {
    className: "button quiet small", type: "button", textContent: "Discard", onclick: () => { forget(); line.remove(); },
  });
  line.append("Not sent yet: this is what you typed before. ", drop);
  form.prepend(line);
}

// A group of forms of which one is open at a time shows the kept one, unless the page itself has opened another.
function show(form) {
  const details = form.closest("details");
  if (!details || details.open) return;
  if (!details.name || !document.querySelector(`details[name="${CSS.escape(details.name)}"][open]`)) details.open = true;
}

for (const form of document.querySelectorAll("form[data-keep], form:has(textarea[data-keep])")) {
  const key = keyOf(form);
  const sent = `${key}:sent`;
  // The form was sent and this page came back: if it was refused the server shows it again by itself.
  if (sessionStorage.getItem(sent) && !cameBack()) sessionStorage.removeItem(key);
  sessionStorage.removeItem(sent);
  const typed = sessionStorage.getItem(key);
  if (typed) {
    const before = typedIn(form);
    restore(form, JSON.parse(typed));
    if (JSON.stringify(typedIn(form)) !== JSON.stringify(before)) {
      show(form);
      sign(form, () => { sessionStorage.removeItem(key); form.reset(); });
    }
  }
  form.addEventListener("input", () => sessionStorage.setItem(key, JSON.stringify(typedIn(form))));
  form.addEventListener("submit", () => sessionStorage.setItem(sent, "1"));
}
