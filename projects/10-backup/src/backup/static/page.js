// Asks the API every second.

import { ask, byId, element, fill, item, lookForEver, say } from "./base.js";

const LOOK_EVERY_MS = 1000;
const ASK_AGAIN_MS = 10_000;
const MOST_VERSIONS = 100;
const MOST_RUNS = 200;
const MOST_LISTED = 12;

let asked = null; // the version of which a restore was asked for once: the second press does it

const get = (path) => ask("GET", path);

function span(moment, until = Date.now()) {
  const seconds = Math.max(0, (until - Date.parse(moment)) / 1000);
  for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${Math.floor(seconds)} s`;
}

function bytes(count) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = count > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(count) / 3)) : 0;
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`;
}

const instant = (moment) => `${moment.slice(0, 10)} ${moment.slice(11, 19)} UTC`;
const seconds = (count) => `${count.toFixed(1)} s`;

function row(title, facts, state, controls = []) {
  const made = item(title, "", state);
  made.querySelector(".fact").append(...facts.filter(Boolean).map((fact) =>
    typeof fact === "string" ? element("span", fact) : fact));
  if (controls.length) {
    made.append(element("div", "", { className: "controls" }));
    made.lastChild.append(...controls);
  }
  return made;
}

// Never disabled: what has the focus would lose it, and whoever comes in between is told so.
function button(text, label, key, press) {
  const made = element("button", text, { type: "button", className: "small" });
  made.setAttribute("aria-label", label);
  made.dataset.key = key;
  made.addEventListener("click", press);
  return made;
}

function proofOf(version) {
  if (version.is_damaged || version.verification?.passed === false) return "damaged";
  if (version.proven_at) return "proven";
  return version.verification ? "whole" : "unproven";
}

function versionRow(version) {
  const { id, verification } = version;
  const path = `/api/v1/versions/${id}`;
  const title = instant(version.taken_at);
  const labels = Object.entries(version.labels).map(([name, value]) => `${name}: ${value}`);
  const facts = [version.reason, version.size_bytes !== null && bytes(version.size_bytes), ...labels];
  if (version.is_pinned) facts.push("pinned");
  if (version.proven_at) facts.push(`proven ${span(version.proven_at)} ago`);
  if (verification?.recovery_seconds) facts.push(`in ${seconds(verification.recovery_seconds)}`);
  if (verification?.code) facts.push(verification.code.replaceAll("_", " "));
  const begin = (verb, name, text) => button(verb, `${verb} ${title}`, `${name}-${id}`, () =>
    act("POST", `${path}/${name}`, {}, text));
  const pin = version.is_pinned ? ["Unpin", "DELETE"] : ["Pin", "PUT"];
  return row(title, facts, proofOf(version), [
    begin("Verify", "verify", "Its bytes are compared."),
    begin("Drill", "drill", "It is restored where nobody sees it."),
    restoreButton(id, title),
    button(pin[0], `${pin[0]} ${title}`, `pin-${id}`, () =>
      act(pin[1], `${path}/pin`, undefined, version.is_pinned ? "Retention may have it." : "It is kept.")),
  ]);
}

function restoreButton(id, title) {
  const isAsked = asked?.id === id && Date.now() - asked.at < ASK_AGAIN_MS;
  const text = isAsked ? "Replace the live database?" : "Restore";
  const made = button(text, `${text} ${title}`, `restore-${id}`, () => {
    asked = isAsked ? null : { id, at: Date.now() };
    if (isAsked) act("POST", "/api/v1/restores", { version_id: id }, "It takes the place of the live database.");
    else lookNow();
  });
  made.classList.toggle("asks", isAsked);
  return made;
}

function drillRow(run, longest, version) {
  const facts = [`${span(run.started_at)} ago`];
  if (run.recovery_seconds) {
    const meter = element("meter", "", { min: 0, max: longest, value: run.recovery_seconds });
    meter.setAttribute("aria-label", "recovery time, beside the longest");
    facts.push(meter, `recovered in ${seconds(run.recovery_seconds)}`);
  }
  if (run.code) facts.push(`${run.code.replaceAll("_", " ")}: ${run.detail}`);
  return row(version ? instant(version.taken_at) : run.version_id, facts, run.state);
}

function runRow(run, isUndoable) {
  const took = run.finished_at && `took ${seconds((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000)}`;
  const facts = [`${span(run.started_at)} ago`, took];
  if (run.code) facts.push(`${run.code.replaceAll("_", " ")}: ${run.detail}`);
  if (run.swap_seconds) facts.push(`swapped in ${run.swap_seconds.toFixed(2)} s`);
  if (run.undone_at) facts.push("undone");
  const undo = isUndoable && button("Undo", `Undo the restore of ${instant(run.started_at)}`, `undo-${run.id}`, () =>
    act("POST", `/api/v1/restores/${run.id}/undo`, {}, "The database from before the restore is back."));
  return row(run.kind, facts, run.state, undo ? [undo] : []);
}

function showNow(run) {
  const { progress } = run ?? {};
  byId("now").textContent = run ? `${run.kind}: ${progress.phase}, for ${span(run.started_at)}` : "Nothing is in progress.";
  byId("progress").hidden = !run;
  if (run && progress.total_bytes) {
    byId("progress").max = progress.total_bytes;
    byId("progress").value = Math.min(progress.done_bytes, progress.total_bytes);
  } else byId("progress").removeAttribute("value");
}

async function look() {
  const versions = (await get(`/api/v1/versions?limit=${MOST_VERSIONS}`)).items; // alone: a wrong token asks no more
  const runs = (await get(`/api/v1/runs?limit=${MOST_RUNS}`)).items;
  const current = runs.find((run) => run.state === "running");
  const drills = runs.filter((run) => run.kind === "drill" && run.state !== "running").slice(0, MOST_LISTED);
  const byNumber = new Map(versions.map((version) => [version.id, version]));
  const longest = Math.max(0, ...drills.map((run) => run.recovery_seconds ?? 0));
  const lastRestore = runs.find((run) => run.kind === "restore" && run.undo_until);
  const isUndoable = (run) => run === lastRestore && !run.undone_at && Date.parse(run.undo_until) > Date.now();
  const proven = versions.map((version) => version.proven_at).filter(Boolean).sort().at(-1);
  const total = versions.reduce((sum, version) => sum + (version.size_bytes ?? 0), 0);

  byId("newest").textContent = versions.length ? span(versions[0].taken_at) : "–";
  byId("proof").textContent = proven ? span(proven) : "none";
  byId("version-count").textContent = `${versions.length}${versions.length === MOST_VERSIONS ? "+" : ""}`;
  byId("stored").textContent = bytes(total);
  showNow(current);
  fill("versions", versions.map(versionRow), "There is no version yet.");
  fill("drills", drills.map((run) => drillRow(run, longest, byNumber.get(run.version_id))), "Nothing was drilled yet.");
  fill("runs", runs.slice(0, MOST_LISTED).map((run) => runRow(run, isUndoable(run))), "Nothing was done yet.");
}

async function act(method, path, body, told) {
  try {
    await ask(method, path, body);
    say(told);
    await look();
  } catch (error) {
    say(error.message, true);
  }
}

function forget() {
  asked = null;
  for (const id of ["versions", "drills", "runs"]) byId(id).replaceChildren();
}

byId("create").addEventListener("click", () => act("POST", "/api/v1/versions", {}, "A version is made."));

const lookNow = lookForEver({ everyMs: LOOK_EVERY_MS, look, forget });
