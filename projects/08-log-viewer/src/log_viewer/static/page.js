// What is shown is in the address, so that it can be sent to somebody else.

import { ask, byId, element, plural, say } from "./base.js";
import { Entries } from "./entries.js";
import { entryRow, shortTime } from "./rows.js";
import { Times } from "./times.js";

const API = "/api/v1/streams";
const FILTERS = ["q", "level", "pattern", "where", "from", "to"];
const AROUND = 20;
const PLACE_AFTER_MS = 300;
const MEBIBYTE = 1024 * 1024;

let shownEntry = null; // of the dialog
let placing = 0;
let jumps = 0;

const pathOf = () => `${API}/${encodeURIComponent(byId("stream").value)}`;
const filter = () => Object.fromEntries(FILTERS.map((name) => [name, byId(name).value]).filter(([, value]) => value));
const fail = (error) => say(error.status ? error.message : "No answer.", true);

const entries = new Entries({
  onContext: (entry) => showContext(entry).catch(fail),
  onAccount: (coverage) => (byId("account").textContent = account(coverage)),
  onPlace: () => {
    clearTimeout(placing);
    placing = setTimeout(() => remember("replaceState", entries.isLive ? null : entries.place), PLACE_AFTER_MS);
  },
  onLive: (state, text) => {
    byId("live").setAttribute("aria-pressed", state);
    byId("live-state").textContent = text;
  },
  onError: fail,
});

const times = new Times({
  onRange: (from, to) => {
    Object.assign(byId("from"), { value: from });
    Object.assign(byId("to"), { value: to });
    byId("more").open = true;
    find("oldest");
  },
  onJump: (from) => jump(from).catch(fail),
  onLeave: () => {
    byId("from").value = byId("to").value = "";
    find("newest");
  },
});

/** Say what the page rests on: how much was read of which files, and what was not, and why. */
function account({ complete, stopped_by, files }) {
  const read = files.flatMap((file) => file.read).reduce((sum, [start, end]) => sum + end - start, 0);
  const reasons = new Set(files.flatMap((file) => file.skipped.map((skipped) => skipped.reason.replaceAll("_", " "))));
  const names = files.map((file) => file.name).join(", ");
  const parts = [`Read for the last page: ${read} bytes of ${names || "nothing"}`];
  if (reasons.size) parts.push(`left out: ${[...reasons].join(", ")}`);
  if (stopped_by === "budget") parts.push("stopped by the budget, and goes on");
  else parts.push(complete ? "complete" : stopped_by ? "there is more" : "not complete");
  return `${parts.join("; ")}.`;
}

/** Put what is shown into the address. */
function remember(how, place) {
  const state = { stream: byId("stream").value, ...filter(), ...(place && { at: place }), ...(entries.isLive && { live: 1 }) };
  history[how](null, "", `?${new URLSearchParams(state)}`);
}

async function find(place) {
  say("");
  jumps += 1;
  try {
    const wanted = filter();
    remember("pushState", null);
    document.title = `${byId("stream").selectedOptions[0]?.dataset.name ?? ""} · Logs`;
    await Promise.all([entries.show(pathOf(), wanted, place), times.show(pathOf(), wanted)]);
  } catch (error) {
    fail(error);
  }
}

/** Go to the first entry from a moment on; where its place is not known yet, the parts that it takes are many. */
async function jump(from) {
  const wanted = filter();
  const number = ++jumps;
  let page;
  let cursor = null;
  do {
    const query = { ...wanted, from, limit: 1, ...(cursor && { cursor }) };
    page = await ask("GET", `${pathOf()}/entries?${new URLSearchParams(query)}`);
    cursor = page.next_cursor;
    if (number !== jumps) return;
    say(page.entries.length || !cursor ? "" : "Looking for the place.");
  } while (!page.entries.length && cursor);
  if (page.entries.length) await entries.show(pathOf(), wanted, page.entries[0].id);
}

async function showContext(entry) {
  const query = new URLSearchParams({ around: entry.id, before: AROUND, after: AROUND });
  const page = await ask("GET", `${pathOf()}/entries?${query}`);
  shownEntry = entry;
  byId("context-fact").textContent = `${entry.file}${entry.time ? `, ${shortTime(entry.time)} UTC` : ""}`;
  const rows = page.entries.map((one) => {
    const row = entryRow(one, entries.q, { isWhole: true });
    row.setAttribute("role", "listitem");
    row.removeAttribute("aria-selected");
    row.classList.toggle("hit", one.id === entry.id);
    return row;
  });
  byId("context-list").setAttribute("role", "list");
  byId("context-list").replaceChildren(...rows);
  if (!byId("context").open) byId("context").showModal();
  byId("context-list").querySelector(".hit")?.scrollIntoView({ block: "center" });
}

/** Read the address into the form, and show what it says. */
async function open() {
  const state = new URLSearchParams(location.search);
  for (const name of FILTERS) {
    const value = state.get(name) ?? "";
    if (name === "level" && ![...byId("level").options].some((option) => option.value === value))
      byId("level").append(element("option", value, { value }));
    byId(name).value = value;
  }
  byId("more").open = ["pattern", "where", "from", "to"].some((name) => state.get(name));
  if (state.get("stream")) byId("stream").value = state.get("stream");
  const wanted = filter();
  document.title = `${byId("stream").selectedOptions[0]?.dataset.name ?? ""} · Logs`;
  const shown = entries.show(pathOf(), wanted, state.get("at") ?? "newest");
  await Promise.all([shown.then(() => state.get("live") && entries.follow(true)), times.show(pathOf(), wanted)]);
}

async function begin() {
  const { streams } = await ask("GET", API);
  const options = streams.map(({ id, name, size_bytes, files }) => {
    const size = `${(size_bytes / MEBIBYTE).toFixed(1)} MiB`;
    const option = element("option", `${name} (${size}, ${plural(files.length, "file")})`, { value: id });
    option.dataset.name = name;
    return option;
  });
  byId("stream").replaceChildren(...options);
  if (!options.length) return say("There is no log.");
  await open();
}

byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  find("newest");
});
byId("stream").addEventListener("change", () => find("newest"));
byId("level").addEventListener("change", () => find("newest"));
byId("clear").addEventListener("click", () => {
  for (const name of FILTERS) byId(name).value = "";
  find("newest");
});
byId("oldest").addEventListener("click", () => entries.show(pathOf(), filter(), "oldest").catch(fail));
byId("newest").addEventListener("click", () => entries.show(pathOf(), filter(), "newest").catch(fail));
byId("live").addEventListener("click", () => {
  const isOn = byId("live").getAttribute("aria-pressed") === "true";
  entries.follow(!isOn).catch(fail);
});
byId("close").addEventListener("click", () => byId("context").close());
byId("go").addEventListener("click", () => {
  byId("context").close();
  for (const name of FILTERS) byId(name).value = "";
  find(shownEntry.id);
});
addEventListener("popstate", () => open().catch(fail));
begin().catch(fail);
