// How many entries there are when. Bars are chosen by a pointer or by keys: one to go to, several as a range.

import { ask, byId, plural } from "./base.js";
import { shortTime } from "./rows.js";

const MOST_BARS = 160;
const HEIGHT = 100;
const WIDTHS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 604800, 2592000, 31622400];
const KINDS = { critical: "bad", error: "bad", warning: "warn", info: "info" };
const ORDER = ["bad", "warn", "info", "rest"];

const milliseconds = (time) => Date.parse(`${time.slice(0, 23)}Z`);
const instant = (moment) => new Date(moment).toISOString();

function shape(name, className, box) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  node.setAttribute("class", className);
  for (const [key, value] of Object.entries(box)) node.setAttribute(key, value);
  return node;
}

export class Times {
  #asked = 0;
  #buckets = new Map(); // by their starts, in milliseconds
  #bars = [];
  #width = 0; // of a bar, in milliseconds
  #chosen = null; // the first and the last bar, in the order in which they were chosen
  #isDragged = false;

  /** `onRange(from, to)` and `onJump(from)` get instants, `onLeave()` nothing. */
  constructor({ onRange, onJump, onLeave }) {
    const root = byId("times");
    const take = () => {
      const [low, high] = this.#range();
      const [from, to] = [this.#bars[low].start, this.#bars[high].start + this.#width];
      this.#choose(null);
      if (low === high) onJump(instant(from));
      else onRange(instant(from), instant(to));
    };
    root.addEventListener("pointerdown", (event) => {
      if (!this.#bars.length || event.button) return;
      root.setPointerCapture(event.pointerId);
      this.#isDragged = true;
      this.#choose([this.#at(event), this.#at(event)]);
    });
    root.addEventListener("pointermove", (event) => {
      if (this.#isDragged) this.#choose([this.#chosen[0], this.#at(event)]);
    });
    root.addEventListener("pointerup", () => {
      if (this.#isDragged) take();
      this.#isDragged = false;
    });
    root.addEventListener("pointercancel", () => {
      this.#isDragged = false;
      this.#choose(null);
    });
    root.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step && this.#bars.length) this.#move(step, event.shiftKey);
      else if (event.key === "Enter" && this.#chosen) take();
      else if (event.key === "Escape") this.#chosen ? this.#choose(null) : onLeave();
      else return;
      event.preventDefault();
    });
  }

  /** Count what `filter` finds in a stream, part by part, and show each part as soon as it is there. */
  async show(path, filter) {
    const asked = ++this.#asked;
    this.#buckets.clear();
    this.#width = 0;
    this.#render("");
    const [first, last] = await Promise.all(["forward", "backward"].map((direction) => this.#end(path, filter, direction)));
    if (asked !== this.#asked) return;
    if (first === null || last === null) return this.#render("There is no entry with a time.");
    const seconds = Math.max(last - first, 0) / 1000 + 1;
    let width = WIDTHS.find((one) => one >= seconds / MOST_BARS) ?? WIDTHS.at(-1);
    let cursor = null;
    do {
      const query = new URLSearchParams({ ...filter, bucket_seconds: width, ...(cursor && { cursor }) });
      let part;
      try {
        part = await ask("GET", `${path}/histogram?${query}`);
      } catch (error) {
        if (error.status !== 422 || width === WIDTHS.at(-1)) throw error;
        width = WIDTHS[Math.min(WIDTHS.indexOf(width) + 3, WIDTHS.length - 1)]; // late lines lie far away
        this.#buckets.clear();
        this.#width = 0;
        cursor = null;
        continue;
      }
      if (asked !== this.#asked) return;
      for (const bucket of part.buckets) this.#add(milliseconds(bucket.start), bucket);
      cursor = part.next_cursor;
      this.#width = width * 1000;
      this.#render(cursor ? "counting" : "");
    } while (cursor || !this.#width);
  }

  async #end(path, filter, direction) {
    const range = Object.fromEntries(Object.entries(filter).filter(([name]) => name === "from" || name === "to"));
    const page = await ask("GET", `${path}/entries?${new URLSearchParams({ ...range, limit: 1, direction })}`);
    const time = page.entries[0]?.time;
    if (time) return milliseconds(time);
    // Where the budget was spent before one was found, it lies within the bounds that were asked for.
    const bound = direction === "forward" ? filter.from : filter.to;
    return page.coverage.stopped_by === "budget" && bound ? Date.parse(bound) : null;
  }

  #add(start, { entries, levels }) {
    const bucket = this.#buckets.get(start) ?? { start, entries: 0, bad: 0, warn: 0, info: 0, rest: 0 };
    bucket.entries += entries;
    for (const [level, count] of Object.entries(levels)) bucket[KINDS[level] ?? "rest"] += count;
    this.#buckets.set(start, bucket);
  }

  /** Make bars of buckets, several of these each if there are too many, and say what they are. */
  #render(state) {
    const buckets = [...this.#buckets.values()].sort((one, other) => one.start - other.start);
    this.#bars = [];
    if (buckets.length) {
      const [first, last, narrow] = [buckets[0].start, buckets.at(-1).start, this.#width];
      this.#width = narrow * Math.ceil(((last - first) / narrow + 1) / MOST_BARS);
      for (let start = first; start <= last; start += this.#width)
        this.#bars.push({ start, entries: 0, bad: 0, warn: 0, info: 0, rest: 0 });
      for (const bucket of buckets) {
        const bar = this.#bars[Math.floor((bucket.start - first) / this.#width)];
        for (const name of ["entries", ...ORDER]) bar[name] += bucket[name];
      }
    }
    const most = Math.max(1, ...this.#bars.map((bar) => bar.entries));
    const svg = byId("bars");
    svg.setAttribute("viewBox", `0 0 ${Math.max(this.#bars.length, 1)} ${HEIGHT}`);
    svg.replaceChildren();
    this.#bars.forEach((bar, x) => {
      let y = HEIGHT;
      for (const name of ORDER) {
        const height = bar[name] && Math.max((bar[name] / most) * (HEIGHT - 8), 1.5);
        y -= height;
        if (height) svg.append(shape("rect", name, { x: x + 0.06, y, width: 0.88, height }));
      }
    });
    const total = buckets.reduce((sum, bucket) => sum + bucket.entries, 0);
    const ends = this.#bars.length ? this.#text(0, this.#bars.length - 1) : "";
    this.whole = this.#bars.length ? `${ends}: ${this.#counts(total, buckets)}${state && `, ${state}`}` : state;
    this.#choose(null);
  }

  #counts(total, bars) {
    const errors = bars.reduce((sum, bar) => sum + bar.bad, 0);
    return `${total} ${total === 1 ? "entry" : "entries"}${errors ? `, ${plural(errors, "error")}` : ""}`;
  }

  #text(low, high) {
    const ends = [this.#bars[low].start, this.#bars[high].start + this.#width];
    return ends.map((moment) => shortTime(instant(moment)).replace(/\.000$/, "")).join(" to ");
  }

  #at(event) {
    const box = byId("bars").getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * this.#bars.length);
    return Math.min(Math.max(place, 0), this.#bars.length - 1);
  }

  #move(step, isWider) {
    if (!this.#chosen) return this.#choose(step > 0 ? [0, 0] : [this.#bars.length - 1, this.#bars.length - 1]);
    const next = Math.min(Math.max(this.#chosen[1] + step, 0), this.#bars.length - 1);
    this.#choose([isWider ? this.#chosen[0] : next, next]);
  }

  #range() {
    return [Math.min(...this.#chosen), Math.max(...this.#chosen)];
  }

  #choose(chosen) {
    this.#chosen = chosen;
    byId("bars").querySelector(".chosen")?.remove();
    if (!chosen) return void (byId("span").textContent = this.whole ?? "");
    const [low, high] = this.#range();
    byId("bars").append(shape("rect", "chosen", { x: low, y: 0, width: high - low + 1, height: HEIGHT }));
    const bars = this.#bars.slice(low, high + 1);
    const total = bars.reduce((sum, bar) => sum + bar.entries, 0);
    byId("span").textContent = `${this.#text(low, high)}: ${this.#counts(total, bars)}`;
  }
}
