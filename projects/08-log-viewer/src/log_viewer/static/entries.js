// A window on a stream: it holds a few pages of rows, and reads on at either end where one scrolls there.

import { ask, byId } from "./base.js";
import { entryRow } from "./rows.js";

const PAGE = 200;
const MOST_ROWS = 600;
const NEAR_PX = 1000; // so near to an end one reads on
const AT_END_PX = 4;
const LEAVES_END_PX = 40;
const AGAIN_MS = 2000;
const SHOW_AFTER_MS = 50; // what comes together is shown together

export class Entries {
  #path = "";
  #filter = {};
  #asked = 0; // what comes for an older question is thrown away
  #isLoading = false;
  #rows = []; // [{ entry, node }], in the order of the files
  #before = null; // the cursor from which to read backward; null at the beginning
  #behind = null; // the cursor from which to read on; null at the end
  #tail = null; // the place behind the last row, from which to follow
  #current = null; // the row that the keys are at
  #source = null; // of events, while one follows
  #isLive = false;
  #arrived = [];

  /** `told` has onContext(entry), onAccount(coverage), onPlace(), onLive(state, text), onError(error). */
  constructor(told) {
    this.told = told;
    this.root = byId("list");
    this.root.addEventListener("scroll", () => this.#scrolled());
    this.root.addEventListener("keydown", (event) => this.#pressed(event));
    this.root.addEventListener("click", (event) => {
      const node = event.target.closest(".row");
      if (node) this.#select(this.#rows.find((row) => row.node === node));
    });
  }

  get q() {
    return this.#filter.q ?? "";
  }

  get isLive() {
    return this.#isLive;
  }

  /** The id of the first row that is to be seen. */
  get place() {
    const top = this.root.getBoundingClientRect().top + this.root.clientTop + 1; // of a row more than its edge
    return this.#rows.find((row) => row.node.getBoundingClientRect().bottom > top)?.entry.id ?? null;
  }

  /** Show a stream from a place on, or from its `oldest` or `newest` entry. */
  async show(path, filter, place) {
    this.follow(false);
    this.#path = path;
    this.#filter = filter;
    const asked = ++this.#asked;
    this.#isLoading = false;
    this.#rows = [];
    this.#arrived = [];
    this.#current = null;
    this.#before = this.#behind = this.#tail = null;
    this.root.replaceChildren();
    const isNewest = place === "newest";
    await this.#load(isNewest ? "backward" : "forward", place === "oldest" || isNewest ? null : place, true);
    if (asked !== this.#asked) return;
    this.root.scrollTop = isNewest ? this.root.scrollHeight : 0;
    this.#scrolled();
  }

  /** Begin to follow what is written, or leave it. */
  async follow(isLive) {
    this.#source?.close();
    this.#source = null;
    this.#isLive = isLive;
    if (!isLive) return this.told.onLive("false", "");
    if (this.#behind || !this.#tail) {
      await this.show(this.#path, this.#filter, "newest");
      this.#isLive = true;
    }
    this.#listen();
  }

  #listen() {
    if (!this.#tail) {
      this.#isLive = false;
      return this.told.onLive("false", "Nobody writes to this log: its newest file is compressed.");
    }
    const source = new EventSource(`${this.#path}/tail?${new URLSearchParams({ ...this.#filter, cursor: this.#tail })}`);
    this.#source = source;
    this.told.onLive("true", "following");
    this.root.scrollTop = this.root.scrollHeight;
    source.addEventListener("entry", (event) => {
      this.#tail = event.lastEventId;
      this.#arrived.push(JSON.parse(event.data));
      if (this.#arrived.length === 1) setTimeout(() => this.#show(), SHOW_AFTER_MS);
    });
    source.addEventListener("end", () => this.#pause("What was followed is gone."));
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
      this.told.onLive("true", "No answer, or as many follow as may; trying again.");
      setTimeout(() => source === this.#source && this.#listen(), AGAIN_MS);
    });
  }

  /** Show what has come since the last time, unless one has scrolled up meanwhile. */
  #show() {
    const arrived = this.#arrived.splice(0);
    if (!arrived.length || !this.#source) return;
    this.#append(arrived);
    this.root.scrollTop = this.root.scrollHeight;
  }

  #pause(text) {
    this.#source?.close();
    this.#source = null;
    this.told.onLive("mixed", text);
    const arrived = this.#arrived.splice(0);
    if (arrived.length) this.#append(arrived);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.root;
    const below = scrollHeight - scrollTop - clientHeight;
    if (this.#source && below > LEAVES_END_PX) this.#pause("paused: at the end it goes on");
    else if (this.#isLive && !this.#source && below < AT_END_PX && !this.#behind) this.#listen();
    if (below < NEAR_PX && this.#behind) this.#load("forward", this.#behind);
    else if (scrollTop < NEAR_PX && this.#before) this.#load("backward", this.#before);
    this.told.onPlace();
  }

  async #load(direction, cursor, isFirst = false) {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const asked = this.#asked;
    try {
      const query = { ...this.#filter, limit: PAGE, direction, ...(cursor && { cursor }) };
      const page = await ask("GET", `${this.#path}/entries?${new URLSearchParams(query)}`);
      if (asked !== this.#asked) return;
      if (direction === "forward" || isFirst) {
        this.#behind = page.next_cursor;
        this.#tail = page.tail_cursor;
      }
      if (direction === "backward" || isFirst) this.#before = page.previous_cursor;
      if (direction === "forward") this.#append(page.entries);
      else this.#prepend(page.entries);
      this.told.onAccount(page.coverage);
    } catch (error) {
      if (asked === this.#asked) this.told.onError(error);
      return;
    } finally {
      if (asked === this.#asked) this.#isLoading = false;
    }
    if (!isFirst) this.#scrolled(); // where the window is not full yet
  }

  #made(entries) {
    return entries.map((entry) => ({ entry, node: entryRow(entry, this.q, { onContext: this.told.onContext }) }));
  }

  #append(entries) {
    const rows = this.#made(entries);
    this.root.append(...rows.map((row) => row.node));
    this.#rows.push(...rows);
    const over = this.#rows.length - MOST_ROWS;
    if (over <= 0) return;
    const height = this.root.scrollHeight;
    for (const row of this.#rows.splice(0, over)) row.node.remove();
    this.#before = this.#rows[0].entry.id;
    this.root.scrollTop -= height - this.root.scrollHeight;
  }

  #prepend(entries) {
    const rows = this.#made(entries);
    const height = this.root.scrollHeight;
    this.root.prepend(...rows.map((row) => row.node));
    this.root.scrollTop += this.root.scrollHeight - height;
    this.#rows.unshift(...rows);
    const over = this.#rows.length - MOST_ROWS;
    if (over <= 0) return;
    const removed = this.#rows.splice(MOST_ROWS, over);
    for (const row of removed) row.node.remove();
    this.#behind = removed[0].entry.id;
  }

  #select(row) {
    if (!row) return;
    this.#current?.node.setAttribute("aria-selected", "false");
    this.#current = row;
    row.node.setAttribute("aria-selected", "true");
    this.root.setAttribute("aria-activedescendant", row.node.id);
  }

  #pressed(event) {
    if (event.target !== this.root) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const number = this.#rows.indexOf(this.#current);
      const seen = number < 0 ? this.#rows.findIndex((row) => row.entry.id === this.place) : number + step;
      this.#select(this.#rows[Math.min(Math.max(seen, 0), this.#rows.length - 1)]);
      this.#current?.node.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Home" || event.key === "End") {
      this.show(this.#path, this.#filter, event.key === "Home" ? "oldest" : "newest");
    } else if (event.key === "Enter" && this.#current) this.told.onContext(this.#current.entry);
    else return;
    event.preventDefault();
  }
}
