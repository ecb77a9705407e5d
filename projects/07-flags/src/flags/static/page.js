// Asks the API every two seconds.

import { ask, byId, element, fill, item, lookForEver, plural, say } from "./base.js";

const LOOK_EVERY_MS = 2000;
const TRY_AFTER_MS = 150; // a slider that is pulled asks when it rests
const MOST_LISTED = 20;
const API = "/api/v1";

let flags = [];
let chosen = null; // the key of the flag that is shown
let shown = null; // that flag, as the sliders began: what a change is made from
let tries = 0;

const pathOf = (key) => `${API}/flags/${encodeURIComponent(key)}`;
const ifMatch = (version) => ({ "If-Match": `"${version}"` });
const stateOf = (flag) => (flag.killed ? "killed" : flag.enabled ? "on" : "off");

function flagRow(flag) {
  const widths = flag.rules.filter((rule) => rule.percentage < 100).map((rule) => `${rule.name} ${rule.percentage} %`);
  const row = item("", [flag.type, plural(flag.rules.length, "rule"), ...widths].join(", "), stateOf(flag));
  const open = element("button", flag.key, { type: "button", className: "link" });
  open.dataset.key = flag.key;
  open.setAttribute("aria-pressed", String(flag.key === chosen));
  open.addEventListener("click", () => choose(flag.key));
  row.querySelector(".title").append(open);
  return row;
}

function auditRow(entry) {
  const moment = `${entry.at.slice(0, 10)} ${entry.at.slice(11, 19)} UTC`;
  return item(`${entry.kind} ${entry.key}`, `${entry.actor}, ${moment}${entry.note ? `: ${entry.note}` : ""}`, entry.action);
}

function ruleRow(rule, number) {
  const row = element("p", "", { className: "rule" });
  const id = `rule-${number}`;
  const facts = [plural(rule.when.length, "condition"), rule.split ? "a split" : rule.variant];
  const slider = element("input", "", { id, type: "range", min: 0, max: 100, step: 0.1, value: rule.percentage });
  slider.value = rule.percentage; // after min, max and step
  const percent = element("output", `${rule.percentage} %`, { htmlFor: id });
  slider.addEventListener("input", () => {
    percent.textContent = `${slider.value} %`;
    setTimeout(tryChange, TRY_AFTER_MS, ++tries);
  });
  row.append(element("label", rule.name, { htmlFor: id }), percent, slider);
  row.append(element("span", facts.join(", "), { className: "fact" }));
  return row;
}

/** What the sliders say: the rules with their new percentages; null if none was moved. */
function change() {
  const moved = (rule, number) => Number(byId(`rule-${number}`).value) !== Number(byId(`rule-${number}`).defaultValue);
  if (!shown || !shown.rules.some(moved)) return null;
  const widened = (rule, number) =>
    moved(rule, number) ? { ...rule, percentage: Number(byId(`rule-${number}`).value) } : rule;
  return { rules: shown.rules.map(widened) };
}

function contexts() {
  const lines = byId("people").value.split("\n").map((line) => line.trim()).filter(Boolean);
  if (!lines.length) return Array.from({ length: 1000 }, (_, number) => ({ targetingKey: `user-${number + 1}` }));
  return lines.map((line) => (line.startsWith("{") ? JSON.parse(line) : { targetingKey: line }));
}

const servedText = (served) => served.variant ?? served.error_code ?? "nothing";

async function tryChange(number) {
  if (number !== tries) return; // it was moved again meanwhile
  const wanted = change();
  showControls();
  if (!wanted) return showChanges("", []);
  try {
    const found = await ask("POST", `${pathOf(shown.key)}/dry-run`, { change: wanted, contexts: contexts() });
    if (number !== tries) return;
    const rows = found.items.slice(0, MOST_LISTED).map((one) =>
      item(String(one.targeting_key ?? `context ${one.index + 1}`), `${servedText(one.before)} → ${servedText(one.after)}`));
    showChanges(`${found.changed} of ${found.total} would change${found.changed ? ":" : "."}`, rows);
  } catch (error) {
    showChanges(error.message, []);
  }
}

function showChanges(text, rows) {
  byId("change-count").textContent = text;
  byId("changes").replaceChildren(...rows);
}

function showControls() {
  const isMoved = change() !== null;
  byId("save").disabled = byId("reset").disabled = !isMoved;
  byId("switch").textContent = shown.killed ? "Lift the kill" : "Kill";
}

function showFlag(flag) {
  shown = flag;
  tries += 1;
  byId("flag").hidden = !flag;
  if (!flag) return;
  byId("flag-title").replaceChildren(element("span", stateOf(flag), { className: `state ${stateOf(flag)}` }), flag.key);
  const facts = [flag.description, `${flag.type}: ${Object.keys(flag.variants).join(", ")}`, `version ${flag.version}`];
  byId("flag-facts").textContent = facts.filter(Boolean).join(" · ");
  const rules = flag.rules.map(ruleRow);
  byId("rules").replaceChildren(...(rules.length ? rules : [element("p", "It has no rules.", { className: "empty" })]));
  for (const slider of byId("rules").querySelectorAll("input")) slider.setAttribute("value", slider.value);
  showChanges("", []);
  showControls();
}

async function choose(key) {
  chosen = key === chosen ? null : key; // once more: all flags again, and the audit of all
  showFlag(flags.find((flag) => flag.key === chosen) ?? null);
  await lookOnce();
}

async function look() {
  const query = chosen ? `&flag=${encodeURIComponent(chosen)}` : "";
  const listed = await ask("GET", `${API}/flags`);
  const audit = await ask("GET", `${API}/audit?limit=${MOST_LISTED}${query}`);
  flags = listed.items.filter((flag) => !flag.archived);
  fill("flags", flags.map(flagRow), "There is no flag yet.");
  byId("audit-title").textContent = chosen ? `Audit of ${chosen}` : "Audit";
  fill("audit", audit.items.map(auditRow), "Nothing was changed yet.");
  const now = flags.find((flag) => flag.key === chosen) ?? null;
  if (now?.version === shown?.version) return;
  if (now && change()) say("Somebody has changed this flag meanwhile. Reset shows it as it is now.", true);
  else showFlag(now);
}

async function act(told, ...asked) {
  try {
    const answer = await ask(...asked);
    showFlag(null);
    await lookOnce();
    say(told(answer));
  } catch (error) {
    say(error.message, true);
  }
}

const kill = (key) =>
  act(
    ({ audit }) => `${key} is off.${audit === "pending" ? " It is written down when PostgreSQL is back." : ""}`,
    "PUT",
    `${pathOf(key)}/kill`,
  );

function forget() {
  [flags, chosen] = [[], null];
  showFlag(null);
  for (const id of ["flags", "audit", "rules"]) byId(id).replaceChildren();
}

// A flag can be killed although no list is to be had.
const lookOnce = lookForEver({ everyMs: LOOK_EVERY_MS, look, forget, isOfUse: true });

byId("kill").addEventListener("submit", (event) => {
  event.preventDefault();
  kill(byId("kill-key").value.trim());
});
byId("switch").addEventListener("click", () => {
  const { key, version, killed } = shown;
  if (killed) act(() => `${key} is served as its rules have it.`, "DELETE", `${pathOf(key)}/kill`, undefined, ifMatch(version));
  else kill(key);
});
byId("save").addEventListener("click", () => {
  const { key, version } = shown;
  act(() => `${key} is changed.`, "PATCH", pathOf(key), change(), ifMatch(version));
});
byId("reset").addEventListener("click", () => {
  showFlag(flags.find((flag) => flag.key === chosen) ?? null);
  say("");
});
byId("people").addEventListener("input", () => setTimeout(tryChange, TRY_AFTER_MS, ++tries));
