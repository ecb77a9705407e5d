// Asks the API every two seconds, for what the person who is signed in may see.

import { ask, byId, element, fill, item, say } from "./base.js";
import { API, asPerson, forget, isSignedIn, signIn, signOut } from "./session.js";

const LOOK_EVERY_MS = 2000;
const NEWEST = 20;
const ENTRANCES = { "#token=": "/auth/accounts", "#reset-token=": "/auth/password/reset" };

let organisations = [];
let chosen = null; // the id of the organisation that is shown
let looks = 0;

const current = () => organisations.find((one) => one.id === chosen) ?? organisations[0] ?? null;
const isAdmin = (one) => one.role !== "member";
const moment = (text) => `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;

function button(text, key, act, fields = {}) {
  const made = element("button", text, { type: "button", className: "small", ...fields });
  made.dataset.key = key;
  made.addEventListener("click", act);
  return made;
}

function organisationRow(one) {
  const row = item("", one.id, one.role);
  const open = button(one.name, one.id, () => show(one.id), { className: "link", title: one.name });
  open.setAttribute("aria-pressed", String(one.id === current().id));
  row.querySelector(".title").append(open);
  return row;
}

function jobRow(job, home) {
  const facts = [`attempt ${job.attempt} of ${job.max_attempts}`, moment(job.created_at), job.id];
  const row = item(job.type, facts.join(" · "), job.state);
  const verb = { dead: "retry", queued: "cancel" }[job.state];
  if (verb && isAdmin(home)) {
    const act = () => change(`Job ${verb === "retry" ? "queued again" : "cancelled"}.`, "POST", `/jobs/${job.id}/${verb}`);
    row.querySelector(".title").append(button(verb === "retry" ? "Retry" : "Cancel", `${verb}-${job.id}`, act));
  }
  return row;
}

function deliveryRow(one) {
  const row = item(one.type, `attempt ${one.attempt} of ${one.max_attempts} · ${moment(one.created_at)} · ${one.id}`, one.state);
  if (["succeeded", "dead"].includes(one.state)) {
    const act = () => change("It is sent again.", "POST", `/deliveries/${one.id}/resend`);
    row.querySelector(".title").append(button("Send again", `resend-${one.id}`, act));
  }
  return row;
}

function entryRow(entry) {
  const who = entry.actor ? [entry.actor.type, entry.actor.id].filter(Boolean).join(" ") : "unreadable";
  return item(`${entry.seq}. ${entry.action ?? "?"}`, `${entry.at ? moment(entry.at) : ""} · ${who} · ${entry.target ?? ""}`);
}

const flagRow = ([key, isOn]) => item(key, "", isOn ? "on" : "off");

async function look() {
  const number = ++looks;
  const found = (await asPerson("GET", "/organisations?limit=100")).items;
  const home = found.find((one) => one.id === chosen) ?? found[0] ?? null;
  const inside = home && `/organisations/${home.id}`;
  const page = async (name) => (inside ? (await asPerson("GET", `${inside}/${name}?limit=${NEWEST}`)).items : []);
  const forAdmins = async (name) => (home && isAdmin(home) ? page(name) : []);
  const flags = inside ? Object.entries((await asPerson("GET", `${inside}/flags`)).flags) : [];
  const [jobs, deliveries, audit] = [await page("jobs"), await forAdmins("deliveries"), await forAdmins("audit")];
  if (number !== looks || !isSignedIn()) return; // another organisation was chosen meanwhile, or somebody left
  organisations = found;
  chosen = home?.id ?? null;
  fill("organisations", found.map(organisationRow), "You are in none yet.");
  fill("flags", flags.map(flagRow), "There is no flag yet.");
  fill("jobs", jobs.map((job) => jobRow(job, home)), "Nothing is to be done.");
  fill("deliveries", deliveries.map(deliveryRow), "Nobody was told anything.");
  fill("audit", audit.map(entryRow), "Nothing was changed yet.");
  byId("deliveries-card").hidden = byId("audit-card").hidden = !home || !isAdmin(home);
  byId("jobs-title").textContent = jobs.length < NEWEST ? "Jobs" : `Jobs, the newest ${NEWEST}`;
}

function open(isIn) {
  document.querySelector("main").hidden = byId("leave").hidden = !isIn;
  byId("doors").hidden = isIn;
}

function leave() {
  forget();
  [organisations, chosen] = [[], null];
  looks += 1;
  for (const id of ["organisations", "flags", "jobs", "deliveries", "audit"]) byId(id).replaceChildren();
  open(false);
}

/** Look once. What is shown stays while nobody answers, and says so. */
async function lookOnce() {
  if (!isSignedIn() || document.hidden) return;
  try {
    await look();
    if (document.body.classList.contains("stale")) say("");
    document.body.classList.remove("stale");
    open(isSignedIn());
  } catch (error) {
    if (error.status === 401) {
      leave();
      say("Sign in again.", true);
    } else {
      document.body.classList.add("stale");
      say(error.status ? error.message : "No answer.", true);
    }
  }
}

async function show(id) {
  chosen = id;
  await lookOnce();
}

/** Do something, look, and say what came of it: when signing in, what is to be seen says so. */
async function attempt(work, done) {
  say("");
  try {
    await work();
    await lookOnce();
    if (done) say(done);
  } catch (error) {
    say(error.status ? error.message : "No answer.", true);
  }
}

const change = (done, method, path, body) =>
  attempt(() => asPerson(method, `/organisations/${current().id}${path}`, body), done);

function onSubmit(id, act) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter?.value);
  });
}

function take(id) {
  const { value } = byId(id);
  byId(id).value = "";
  return value;
}

onSubmit("enter", () =>
  attempt(async () => {
    await signIn(byId("email").value, take("password"));
    open(true);
    document.querySelector("main button, main input").focus();
  }));
onSubmit("mail", (way) =>
  attempt(() => ask("POST", `${API}/auth/${way}`, { email: byId("mail-email").value }), "A mail is on its way."));
onSubmit("choose", () =>
  attempt(async () => {
    const start = Object.keys(ENTRANCES).find((one) => location.hash.startsWith(one));
    const token = location.hash.slice(start.length);
    await ask("POST", `${API}${ENTRANCES[start]}`, { token, password: take("new-password") });
    history.replaceState(null, "", "/"); // the token is used up, and need not stay in the address
    enter();
  }, "The password is chosen. Sign in with it."));
onSubmit("found", () => {
  const name = take("name");
  return attempt(async () => (chosen = (await asPerson("POST", "/organisations", { name })).id), `${name} is made.`);
});
onSubmit("switch", (state) =>
  attempt(async () => {
    const [key, is_on] = [byId("flag").value, state === "on"];
    const isForAll = byId("scope").value === "all";
    if (!isForAll && !current()) throw Object.assign(new Error("You are in no organisation."), { status: 404 });
    const organisation_id = isForAll ? null : current().id;
    const fields = { Authorization: `Bearer ${byId("operator").value}` };
    return ask("PUT", `${API}/admin/flags/${encodeURIComponent(key)}`, { is_on, organisation_id }, fields);
  }, `${byId("flag").value} is ${state}.`));
byId("leave").addEventListener("click", async () => {
  await signOut().catch(() => {});
  leave();
  say("");
  byId("email").focus();
});

/** Show what the address asks for: a mail leads here, with a token behind the #. */
function enter() {
  byId("choose").hidden = !Object.keys(ENTRANCES).some((one) => location.hash.startsWith(one));
}

async function again() {
  await lookOnce();
  setTimeout(again, LOOK_EVERY_MS);
}

window.addEventListener("hashchange", enter);
enter();
open(isSignedIn());
again();
