// The map of levels, and what can be asked for from it.

import { ask, byId, element, fill, item, plural, say } from "./base.js";
import { save, showChain, takeIn } from "./receipts.js";
import { follow } from "./run.js";

const API = "/api/v1";
const FOLDER = "folder";
const FINAL = new Set(["passed", "failed", "inconclusive", "errored", "cancelled"]);
const LOOK_EVERY_MS = 1000;
let current = null; // the run that is shown
let hasReceipts = false;

function button(text, label, key, act) {
  const made = element("button", text, { type: "button", className: "small" });
  made.setAttribute("aria-label", label);
  made.dataset.key = key;
  made.addEventListener("click", act);
  return made;
}

function levelRow(level, standing) {
  const row = element("li", "", { className: "level" });
  const status = standing.status;
  row.append(element("span", status.replace("_", " "), { className: `state ${status}` }));
  if (standing.stale) row.append(element("span", "stale", { className: "state stale", title: staleSince(standing) }));
  row.append(element("span", `${level.id} ${level.title}`, { className: "title" }));
  if (standing.trust) row.append(element("span", standing.trust, { className: "fact" }));
  if (status !== "LOCKED") {
    const again = standing.stale ? "Verify again" : "Verify";
    row.append(button(again, `${again} ${level.id}`, `verify-${level.id}`, () => act(() => verify(level.id))));
  }
  return row;
}

const staleSince = ({ verified_at: at, verified_against: contract }) => `verified ${at}, by contract ${contract}`;

function trackCard(track, standings) {
  const card = element("section", "", { className: "card" });
  const title = card.appendChild(element("h2", track.id));
  card.append(element("p", track.title, { className: "fact" }));
  const list = card.appendChild(element("ol"));
  list.append(...track.levels.map((level) => levelRow(level, standings.get(level.id))));
  if (track.levels.every((level) => standings.get(level.id).status === "COMPLETED")) {
    title.append(" ", button("Speed run", `Speed run of ${track.id}`, `race-${track.id}`, () => act(() => race(track.id))));
  }
  return card;
}

function runRow(run) {
  const row = item(`${run.level_id}: ${run.dir ?? run.url}`, run.reason ?? "", run.state);
  row.append(button("Show", `Show the run of ${run.level_id} from ${run.created_at}`, `show-${run.id}`, () => show(run)));
  if (run.state === "passed" && hasReceipts) {
    row.append(element("a", "Receipt", { href: `${API}/receipts/${run.id}` }));
  }
  return row;
}

const bestRow = (best) => item(best.track_id, `${(best.duration_ms / 1000).toFixed(1)} s`);

async function look() {
  const [levels, progress, runs, bests] = await Promise.all(
    ["levels", "progress", "runs?limit=10", "bests"].map((path) => ask("GET", `${API}/${path}`)));
  const standings = new Map(progress.items.map((standing) => [standing.level_id, standing]));
  hasReceipts = await showChain(progress.user_id);
  const held = document.activeElement?.dataset?.key;
  byId("tracks").replaceChildren(...levels.tracks.map((track) => trackCard(track, standings)));
  if (held) byId("tracks").querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  fill("runs", runs.items.map(runRow), "Nothing has been verified yet.");
  fill("bests", bests.items.map(bestRow), "A track that is completed can be run against the clock.");
  return runs.items;
}

async function show(run) {
  current = run.id;
  byId("cancel").hidden = FINAL.has(run.state);
  try {
    if (await follow(run)) {
      byId("cancel").hidden = true;
      await look();
    }
  } catch (error) {
    say(error.message, true);
  }
}

async function verify(level) {
  const dir = byId("folder").value.trim();
  localStorage.setItem(FOLDER, dir);
  const run = await ask("POST", `${API}/runs`, { level_id: level, [/^https?:/.test(dir) ? "url" : "dir"]: dir });
  say(`${level} is being verified.`);
  show(run);
  await look();
}

async function race(track) {
  const dir = byId("folder").value.trim();
  localStorage.setItem(FOLDER, dir);
  let run = await ask("POST", `${API}/speed-runs`, { track_id: track, dir });
  say(`The clock runs for ${track}.`);
  while (!FINAL.has(run.state)) {
    await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
    run = await ask("GET", `${API}/speed-runs/${run.id}`);
  }
  say(`${track}: ${run.state} after ${(run.duration_ms / 1000).toFixed(1)} s.`, run.state !== "passed");
  await look();
}

async function act(doing) {
  try {
    await doing();
  } catch (error) {
    say(error.status ? error.message : "No answer.", true);
  }
}

const classRow = ({ name, completed }) => item(name, plural(completed, "level"));

/** Show the class to who runs it: pseudonyms, and how far each is. */
async function lookAtClass() {
  const { items } = await ask("GET", `${API}/learners`);
  fill("learners", items.map(classRow), "Nobody yet.");
  byId("class").hidden = false;
  byId("enter").hidden = true;
  byId("leave").hidden = false;
}

async function addLearner() {
  const made = await ask("POST", `${API}/learners`, { name: byId("name").value });
  byId("new-token").textContent = `${made.name} enters with ${made.token}, which is not shown again.`;
  byId("name").value = "";
  await lookAtClass();
}

function enter(isAsked) {
  byId("enter").hidden = !isAsked;
  document.querySelector("main").hidden = isAsked;
  byId("leave").hidden = isAsked || !sessionStorage.getItem("token");
}

/** Show the map, and the run that is under way: nothing of it is lost when the page is loaded again. */
async function begin() {
  try {
    const runs = await look();
    enter(false);
    const running = runs.find((run) => !FINAL.has(run.state));
    if (running) show(running);
    say(runs.length ? "" : `${plural(document.querySelectorAll(".level").length, "level")} to go.`);
  } catch (error) {
    if (error.status === 401) {
      sessionStorage.removeItem("token");
      enter(true);
      return;
    }
    if (error.status === 403 && sessionStorage.getItem("token")) {
      act(lookAtClass);
      return;
    }
    say(error.status ? error.message : "No answer.", true);
    setTimeout(begin, LOOK_EVERY_MS);
  }
}

byId("folder").value = localStorage.getItem(FOLDER) ?? "";
byId("choose").addEventListener("submit", (event) => event.preventDefault());
byId("cancel").addEventListener("click", () => act(() => ask("DELETE", `${API}/runs/${current}`)));
byId("save").addEventListener("click", () => act(save));
byId("taken").addEventListener("change", ({ target }) => act(async () => {
  const [file] = target.files;
  if (!file) return;
  const count = await takeIn(await file.text());
  target.value = "";
  await look();
  say(`${plural(count, "receipt")} taken in.`);
}));
byId("add").addEventListener("submit", (event) => {
  event.preventDefault();
  act(addLearner);
});
byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value);
  byId("token").value = "";
  begin();
});
byId("leave").addEventListener("click", () => {
  sessionStorage.removeItem("token");
  location.reload();
});
begin();
