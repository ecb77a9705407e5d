// One run as it happens: its events are read as they come, and shown as text.

import { byId, element } from "./base.js";

const AGAIN_MS = 500;
let followed = null; // the run that is shown, to which the events of another do not belong

/** Read a stream of server-sent events. EventSource could not send a token. */
async function read(path, lastId, take) {
  const token = sessionStorage.getItem("token");
  const headers = { Accept: "text/event-stream", ...(token && { Authorization: `Bearer ${token}` }) };
  if (lastId) headers["Last-Event-ID"] = lastId;
  const answer = await fetch(path, { headers });
  if (answer.status === 204) return true;
  if (!answer.ok) throw Object.assign(new Error(answer.statusText), { status: answer.status });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "", part; ; ) {
    part = await reader.read();
    if (part.done) return false;
    const blocks = (rest + part.value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split("\n").filter((line) => !line.startsWith(":")).map((line) => line.split(/: (.*)/s, 2)));
      if (fields.event) take(fields.event, fields.id, JSON.parse(fields.data));
    }
  }
}

function clear() {
  byId("timeline").replaceChildren();
  byId("output").textContent = "";
  byId("said-besides").hidden = true;
}

function state(name, fact = "") {
  Object.assign(byId("run-state"), { textContent: name, className: `state ${name}` });
  byId("run-fact").textContent = fact;
}

const levelRow = (id) => byId("timeline").querySelector(`[data-level="${CSS.escape(id)}"]`);
const checkRow = (level, id) => levelRow(level)?.querySelector(`[data-check="${CSS.escape(id)}"]`);

function addLevel({ level_id, checks }) {
  const row = element("li");
  row.dataset.level = level_id;
  row.append(element("span", "running", { className: "state running" }), element("strong", level_id));
  const list = row.appendChild(element("ol"));
  for (const { id, sentence } of checks) {
    const check = list.appendChild(element("li"));
    check.dataset.check = id;
    check.append(element("span", "…", { className: "state" }), element("span", `${id} ${sentence}`));
  }
  byId("timeline").append(row);
}

function mark(row, name) {
  Object.assign(row.querySelector(".state"), { textContent: name.replace("_", " "), className: `state ${name}` });
}

function addVerdict({ level_id, id, verdict, report }) {
  const row = checkRow(level_id, id);
  if (!row) return;
  mark(row, verdict);
  if (verdict === "pass") return;
  const details = row.appendChild(element("details"));
  details.open = verdict === "fail";
  details.append(element("summary", "Report"), element("pre", report.text + (report.truncated ? "\n…" : "")));
}

const TAKE = {
  reset: () => clear(),
  state: ({ state: name }) => {
    clear();
    state(name);
  },
  level: addLevel,
  check: addVerdict,
  retry: ({ checks }) => state("running", `asked again for ${checks.join(", ")}`),
  output: ({ text }) => {
    byId("said-besides").hidden = false;
    byId("output").textContent += text;
  },
  verdict: ({ level_id, state: name }) => levelRow(level_id) && mark(levelRow(level_id), name),
  end: ({ state: name, reason }) => state(name, reason ?? ""),
};

/** Follow a run to its end, over as many connections as that takes; true if it was followed so far. */
export async function follow(run) {
  followed = run.id;
  byId("run").hidden = false;
  byId("run-title").textContent = `Run of ${run.level_id}: ${run.dir ?? run.url}`;
  clear();
  state(run.state);
  let lastId = null;
  for (let ended = false; !ended && followed === run.id; ) {
    try {
      ended = await read(`/api/v1/runs/${run.id}/events`, lastId, (event, id, data) => {
        if (followed !== run.id) return;
        lastId = id ?? null;
        TAKE[event]?.(data);
        ended = event === "end";
      }) || ended;
    } catch (error) {
      if (error.status && error.status < 500) throw error;
    }
    if (!ended) await new Promise((wake) => setTimeout(wake, AGAIN_MS));
  }
  return followed === run.id;
}
