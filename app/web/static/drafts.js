// What is typed into a form is never lost: it is kept for this tab at once, and on the server a moment later and when the
// page is left, until the form was taken. It comes back into the form with a sign that it was not sent. Without this file a
// refused form still shows what was typed.

const user = document.body.dataset.user ?? "";
const token = document.querySelector("input[name=csrf_token]")?.value ?? "";
const cameBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
const kept = (field) => field.name && !["hidden", "password", "file", "submit"].includes(field.type);

// `data-draft="call:44"` names the form and its subject; any other form that is kept goes by its address.
function nameOf(form) {
  const path = (form.getAttribute("action") || form.dataset.action || location.pathname).split("#")[0].split("?")[0];
  const [, name, subject] = form.dataset.draft?.match(/^(.*):(.*)$/) ?? [null, path.slice(-60), ""];
  return { form: name, subject, path, key: `keep:${user}:${name}:${subject}` };
}

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
  // Fields that follow from another one are shown again.
  for (const chosen of form.querySelectorAll("input:checked")) chosen.dispatchEvent(new Event("change", { bubbles: true }));
}

function notice(form, text, tone) {
  form.querySelector(":scope > .draft")?.remove();
  const line = Object.assign(document.createElement("p"), { className: "notice draft", textContent: text });
  line.dataset.tone = tone;
  line.setAttribute("role", "status");
  form.prepend(line);
  return line;
}

function when(at) {
  const time = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return isToday ? time : `${new Date(at).toLocaleDateString()}, ${time}`;
}

// A group of forms of which one is open at a time shows the kept one, unless the page itself has opened another.
function show(form) {
  const details = form.closest("details");
  if (!details || details.open) return;
  if (!details.name || !document.querySelector(`details[name="${CSS.escape(details.name)}"][open]`)) details.open = true;
}

const discarded = (named) =>
  fetch(`/drafts/discard?${new URLSearchParams({ form: named.form, subject: named.subject })}`, {
    method: "POST", headers: { "x-csrf-token": token }, keepalive: true,
  }).catch(() => {});

function bringBack(form, named, at, values) {
  const before = typedIn(form);
  restore(form, values);
  if (JSON.stringify(typedIn(form)) === JSON.stringify(before)) return;
  show(form);
  const line = notice(form, `Draft from ${when(at)}, restored. Not sent yet. `, "info");
  line.append(Object.assign(document.createElement("button"), {
    className: "button quiet small", type: "button", textContent: "Discard",
    onclick: () => { sessionStorage.removeItem(named.key); discarded(named); form.reset(); line.remove(); },
  }));
}

function body(form, named, once = form.elements.once?.value ?? "", values = typedIn(form)) {
  return new URLSearchParams({
    csrf_token: token, form: named.form, subject: named.subject, sent_to: named.path, once, fields: JSON.stringify(values),
  });
}

// Pages that mean "your form was not taken" (signing in again, an error): what was typed stays kept.
const unsent = document.querySelector("[data-unsent]");
const sentAs = new Map();
const taken = new Set();
for (const flag of Object.keys(sessionStorage).filter((key) => key.endsWith(":sent"))) {
  const key = flag.slice(0, -":sent".length);
  const once = sessionStorage.getItem(flag);
  sessionStorage.removeItem(flag);
  // The form was sent and this page came back: if it was refused the server shows it again by itself.
  if (cameBack && once) sentAs.set(key, once);
  if (unsent || cameBack) continue;
  sessionStorage.removeItem(key);
  const [, , form, subject] = key.split(":");
  // The server may be asked for drafts before it has dropped this one: what was taken is not brought back.
  taken.add(`${form}:${subject}`);
  if (token && !subject) discarded({ form, subject });
}

const waiting = new Map();
const found = new Map();
const keptHere = new Map();
const onServer = new Map();

// A form that is a link until it is opened: the first one of which something was kept opens, the others show it once
// they are opened. The scripts of the page are there when it is loaded.
let isWoken = false;
function wake(link) {
  if (isWoken || !link.isConnected || document.querySelector("details[name=action][open]")) return;
  isWoken = true;
  const want = () => link.dispatchEvent(new CustomEvent("desk:want", { bubbles: true }));
  if (document.readyState === "complete") want();
  else addEventListener("load", want, { once: true });
}

async function watch(form) {
  const named = nameOf(form);
  const key = `${named.form}:${named.subject}`;
  const here = JSON.parse(sessionStorage.getItem(named.key) ?? "null");
  if (here && sentAs.has(named.key)) {
    // Back after sending: the server takes the draft only if that sending was not obeyed.
    const again = body(form, named, sentAs.get(named.key), here.values);
    here.isOnServer = (await fetch("/drafts", { method: "POST", body: again }).catch(() => null))?.status === 204;
    sessionStorage.setItem(named.key, JSON.stringify(here));
    sentAs.delete(named.key);
  }
  // What the server had taken may have been sent or discarded in another tab since: then it is not brought back.
  if (here?.isOnServer) keptHere.set(key, { named, here });
  if (form.matches("a")) {
    if (here && !here.isOnServer) wake(form);
    else found.set(key, form);
    return;
  }
  if (here && !here.isOnServer) bringBack(form, named, here.at, here.values);
  else if (onServer.has(key)) bringBack(form, named, ...onServer.get(key));
  else if (!form.querySelector(":scope > .draft")) found.set(key, form);

  const send = async () => {
    waiting.delete(form);
    const sent = sessionStorage.getItem(named.key);
    const answer = await fetch("/drafts", { method: "POST", body: body(form, named), keepalive: true }).catch(() => null);
    if (answer?.status === 204 && sent && sent === sessionStorage.getItem(named.key)) {
      sessionStorage.setItem(named.key, JSON.stringify({ ...JSON.parse(sent), isOnServer: true }));
    }
    if (answer?.status === 422) notice(form, `Not kept as a draft. ${(await answer.json()).message}`, "warn");
  };
  form.addEventListener("input", () => {
    found.delete(key);
    sessionStorage.setItem(named.key, JSON.stringify({ at: Date.now(), values: typedIn(form) }));
    if (!token) return;
    clearTimeout(waiting.get(form)?.timer);
    waiting.set(form, { timer: setTimeout(send, 800), named });
  });
  form.addEventListener("submit", () => {
    clearTimeout(waiting.get(form)?.timer);
    waiting.delete(form);
    sessionStorage.setItem(`${named.key}:sent`, form.elements.once?.value ?? "");
  });
}

const KEPT = "form[data-draft], form[data-keep], form:has(textarea[data-keep])";
document.addEventListener("desk:form", (event) => event.target.querySelectorAll(KEPT).forEach(watch));
for (const form of document.querySelectorAll(`${KEPT}, a[data-draft]`)) await watch(form);

addEventListener("pagehide", () => {
  for (const [form, { timer, named }] of waiting) {
    clearTimeout(timer);
    navigator.sendBeacon("/drafts", body(form, named));
  }
  waiting.clear();
});

// What another tab, or this one before it crashed, has kept on the server.
if (token) {
  for (const subject of new Set([...found.keys()].map((key) => key.slice(key.lastIndexOf(":") + 1)))) {
    const answer = await fetch(`/drafts?${new URLSearchParams({ subject })}`).catch(() => null);
    const isTold = answer?.ok && !answer.redirected;
    const there = new Map(isTold ? (await answer.json()).map((each) => [`${each.form}:${subject}`, each]) : []);
    for (const [key, form] of found) {
      if (!key.endsWith(`:${subject}`) || taken.has(key)) continue;
      const { named, here } = keptHere.get(key) ?? { named: nameOf(form) };
      if (here && isTold && !there.has(key)) sessionStorage.removeItem(named.key);
      const kept = there.has(key) ? [there.get(key).at, there.get(key).fields] : here && !isTold && [here.at, here.values];
      if (!kept) continue;
      if (form.matches("form")) bringBack(form, named, ...kept);
      else {
        onServer.set(key, kept);
        wake(form);
      }
    }
  }
}
