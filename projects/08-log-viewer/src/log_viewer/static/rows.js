// One entry as a row. Its text is put in as text: whoever writes to a log chooses it.

import { element } from "./base.js";

const LONGEST_SHOWN = 4000;
let count = 0;

/** The text with each place marked where it is found as it stands. */
function marked(text, found) {
  const parts = document.createDocumentFragment();
  const pieces = found ? text.split(found) : [text];
  pieces.forEach((piece, number) => {
    if (number) parts.append(element("mark", found));
    parts.append(piece);
  });
  return parts;
}

/** 2026-03-01T03:12:04.007000000Z as 2026-03-01 03:12:04.007. */
export const shortTime = (time) => (time ? `${time.slice(0, 10)} ${time.slice(11, 23)}` : "");

export function entryRow(entry, found, { isWhole = false, onContext } = {}) {
  count += 1;
  const row = element("div", "", { className: `row ${entry.level ?? "unknown"}`, id: `row-${count}`, title: entry.file });
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  const time = element("time", shortTime(entry.time), { dateTime: entry.time ?? "" });
  if (entry.out_of_order) time.append(" late");
  const text = element("pre");
  const isLong = !isWhole && entry.raw.length > LONGEST_SHOWN;
  text.append(marked(isLong ? entry.raw.slice(0, LONGEST_SHOWN) : entry.raw, found), isLong || entry.truncated ? " …" : "");
  row.append(time, element("span", entry.level ?? "", { className: "level" }), text);
  if (onContext) {
    const button = element("button", "Around", { type: "button", className: "small", tabIndex: -1 });
    button.addEventListener("click", () => onContext(entry));
    row.append(button);
  }
  return row;
}
