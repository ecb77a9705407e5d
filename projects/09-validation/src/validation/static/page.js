// Asks the API, and shows each mistake under the line that it belongs to. What was pasted, and what is answered, gets
// into the page as text only.

import { placesIn } from "./places.js";

const SCHEMA = {
  type: "object",
  required: ["sku", "qty"],
  additionalProperties: false,
  properties: {
    sku: { type: "string", pattern: "^[A-Z]{3}-[0-9]{4}$" },
    qty: { type: "integer", minimum: 1 },
    tags: { type: "array", items: { type: "string" } },
  },
};
const DATA = { sku: "abc", tags: ["new", 5], colour: "<b>red</b>" };

const element = (id) => document.getElementById(id);

async function post(path, text) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: text });
  return { ok: answer.ok, body: await answer.json() };
}

async function validate() {
  const schema = element("schema").value;
  const data = element("data").value;
  const before = '{"schema":';
  const after = `,"assert_format":${element("formats").checked}}`;
  const registered = await post("/api/v1/schemas", before + schema + after);
  if (!registered.ok) {
    show("The schema cannot be used.", schema, mistakesIn(registered.body, "#/schema", before.length));
    return;
  }
  const warnings = mistakesIn({ errors: registered.body.warnings }, "#/schema", 0);
  const answer = await post(`/api/v1/schemas/${registered.body.id}/validate`, data);
  const mistakes = answer.ok ? [] : mistakesIn(answer.body, "#", 0);
  const more = answer.body.truncated ? " There are more." : "";
  const count = mistakes.length === 1 ? "1 mistake." : `${mistakes.length} mistakes.`;
  const warned = warnings.map(({ pointer, detail }) => ` Schema ${pointer}: ${detail}.`).join("");
  show((answer.ok ? "The data is valid." : count + more) + warned, data, mistakes);
}

// Entries by their pointers, within the part of the text that was pasted; what cannot be read has an offset in bytes.
function mistakesIn(problem, root, offset) {
  if (problem.offset !== undefined) {
    return [{ byte: problem.offset - offset, code: problem.code, detail: problem.detail }];
  }
  if (problem.errors === undefined) {
    return [{ pointer: "#", code: problem.code, detail: problem.detail ?? problem.title }];
  }
  return problem.errors.map(({ pointer, code, detail }) => ({
    pointer: pointer.startsWith(root) ? "#" + pointer.slice(root.length) : "#",
    code,
    detail,
  }));
}

function show(summary, text, mistakes) {
  element("summary").textContent = summary;
  const places = placesIn(text);
  const lines = text.split("\n");
  const found = lines.map(() => []);
  for (const mistake of mistakes) {
    const index = mistake.byte === undefined ? placeOf(places, mistake.pointer) : indexOfByte(text, mistake.byte);
    const line = text.slice(0, index).split("\n").length - 1;
    found[Math.min(line, lines.length - 1)].push(mistake);
  }
  element("source").replaceChildren(...lines.map((line, number) => lineItem(line, found[number])));
}

// A missing member has no place of its own: it is shown where the object begins that lacks it.
function placeOf(places, pointer) {
  for (let path = pointer; path.length > 1; path = path.slice(0, path.lastIndexOf("/"))) {
    if (places.has(path)) return places.get(path);
  }
  return places.get("#") ?? 0;
}

function indexOfByte(text, byte) {
  const bytes = new TextEncoder().encode(text).slice(0, Math.max(byte, 0));
  return new TextDecoder().decode(bytes).length;
}

function lineItem(line, mistakes) {
  const item = document.createElement("li");
  const code = document.createElement("code");
  code.textContent = line;
  item.append(code);
  for (const mistake of mistakes) {
    const note = document.createElement("p");
    const name = document.createElement("strong");
    name.textContent = mistake.code;
    note.append(name, ` ${mistake.pointer ?? ""} ${mistake.detail}`);
    item.append(note);
  }
  return item;
}

element("schema").value = JSON.stringify(SCHEMA, null, 2);
element("data").value = JSON.stringify(DATA, null, 2);
element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  validate().catch(() => show("The service does not answer.", element("data").value, []));
});
