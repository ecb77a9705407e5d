// Draws what the service answers. The two algorithms that do not run here are computed, to compare.

const { route, algorithm: running } = document.body.dataset;
const limit = Number(document.body.dataset.limit);
const windowSeconds = Number(document.body.dataset.windowSeconds);
const cost = Number(document.body.dataset.cost);

const WIDTH = 320;
const MOST_SLOTS_DRAWN = 60;
const MOST_ANSWERS_SHOWN = 60;
const LOOK_EVERY_MS = 2000;

const now = () => performance.now() / 1000;
const wait = (seconds) => `${seconds < 10 ? seconds.toFixed(1) : Math.ceil(seconds)} s`;

class FixedWindow {
  used = 0;
  closes = 0;

  settle(time) {
    if (time >= this.closes) this.used = 0;
  }

  spend(time) {
    this.settle(time);
    if (this.used + cost > limit) return false;
    if (this.used === 0) this.closes = time + windowSeconds;
    this.used += cost;
    return true;
  }

  adopt(remaining, more, time) {
    this.used = limit - remaining;
    this.closes = time + more;
  }

  state(time) {
    const free = `${limit - this.used} of ${limit} free`;
    return this.used ? `${free}, all of them in ${wait(this.closes - time)}` : `${free}, no window open`;
  }

  draw(time) {
    const left = this.used ? Math.max(this.closes - time, 0) / windowSeconds : 0;
    return (
      slots(this.used) +
      rect("track", 0, 108, WIDTH, 10, 5) +
      rect("left", 0, 108, WIDTH * left, 10, 5) +
      label(0, 138, this.used ? "until the window closes" : "the next request opens a window")
    );
  }
}

class SlidingWindow {
  spent = []; // when each unit was spent, oldest first
  earlier = 0; // units spent before this page was loaded, of which only the oldest one's end is known
  earlierEnds = 0;

  settle(time) {
    while (this.spent.length && this.spent[0] + windowSeconds <= time) this.spent.shift();
    if (time >= this.earlierEnds) this.earlier = 0;
  }

  spend(time) {
    this.settle(time);
    if (this.spent.length + this.earlier + cost > limit) return false;
    for (let unit = 0; unit < cost; unit += 1) this.spent.push(time);
    return true;
  }

  adopt(remaining, more, time) {
    this.settle(time);
    this.earlier = Math.max(limit - remaining - this.spent.length, 0);
    this.earlierEnds = time + more;
    while (this.spent.length > limit - remaining) this.spent.shift();
  }

  state(time) {
    const used = this.spent.length + this.earlier;
    const free = `${limit - used} of ${limit} free`;
    if (!used) return free;
    const oldest = this.earlier ? this.earlierEnds : this.spent[0] + windowSeconds;
    return `${free}, the next in ${wait(Math.max(oldest - time, 0))}`;
  }

  draw(time) {
    const columns = new Map();
    const pile = (spentAt, kind) => {
      const column = Math.round(((spentAt - time) / windowSeconds + 1) * 38);
      columns.set(column, [...(columns.get(column) ?? []), kind]);
    };
    for (let unit = 0; unit < Math.min(this.earlier, 300); unit += 1) pile(this.earlierEnds - windowSeconds, "old");
    for (const spentAt of this.spent.slice(-300)) pile(spentAt, "used");
    const highest = Math.max(...[...columns.values()].map((kinds) => kinds.length), 6);
    const height = 100 / highest;
    let marks = "";
    for (const [column, kinds] of columns) {
      kinds.forEach((kind, level) => {
        marks += rect(kind, 4 + column * 8, 108 - (level + 1) * height, 7, Math.max(height - 1.5, 1), 2);
      });
    }
    return (
      `<path class="grid" d="M4 112V6M160 112V6M316 112V6"/><path class="edge" d="M0 112H${WIDTH}"/>` +
      marks +
      label(0, 130, `${windowSeconds} s ago`) +
      label(WIDTH, 130, "now", "end") +
      label(0, 146, "gets its slot back here")
    );
  }
}

class TokenBucket {
  interval = windowSeconds / limit;
  full = 0; // when it will be full again

  debt(time) {
    return Math.max(this.full - time, 0);
  }

  tokens(time) {
    return limit - this.debt(time) / this.interval;
  }

  settle() {}

  spend(time) {
    if (this.tokens(time) < cost) return false;
    this.full = time + this.debt(time) + cost * this.interval;
    return true;
  }

  adopt(remaining, more, time) {
    const used = limit - remaining;
    this.full = time + (used ? (used - 1) * this.interval + more : 0);
  }

  state(time) {
    const tokens = this.tokens(time);
    return tokens >= limit
      ? `${limit} tokens, full`
      : `${tokens.toFixed(1)} of ${limit} tokens, one per ${wait(this.interval)}`;
  }

  draw(time) {
    const level = Math.max(this.tokens(time), 0) / limit;
    const [top, bottom] = [26, 138];
    const surface = bottom - (bottom - top) * level;
    const slant = (y) => ((bottom - y) / (bottom - top)) * 22;
    let marks = "";
    if (limit <= 24) {
      for (let token = 1; token < limit; token += 1) {
        const y = bottom - ((bottom - top) * token) / limit;
        marks += `<path class="grid" d="M${106 - slant(y)} ${y}h10M${214 + slant(y)} ${y}h-10"/>`;
      }
    }
    const dripping = level < 1;
    const fallen = dripping ? ((this.tokens(time) % 1) + 1) % 1 : 0;
    return (
      `<path class="water" d="M106 ${bottom}L${106 - slant(surface)} ${surface}H${214 + slant(surface)}L214 ${bottom}Z"/>` +
      marks +
      `<path class="glass" d="M84 ${top - 8}L106 ${bottom}H214L236 ${top - 8}"/>` +
      (dripping ? `<circle class="drop" cx="160" cy="${6 + (surface - 10) * fallen ** 2}" r="4.5"/>` : "") +
      (dripping ? label(172, 12, "one drop: one token") : "")
    );
  }
}

const rect = (kind, x, y, width, height, radius) =>
  `<rect class="${kind}" x="${x}" y="${y}" width="${Math.max(width, 0)}" height="${height}" rx="${radius}"/>`;

const label = (x, y, text, anchor = "start") => `<text x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;

function slots(used) {
  if (limit > MOST_SLOTS_DRAWN) {
    return rect("track", 0, 30, WIDTH, 44, 8) + rect(used >= limit ? "full" : "used", 0, 30, (WIDTH * used) / limit, 44, 8);
  }
  const rows = Math.max(1, Math.round(Math.sqrt((limit * 90) / WIDTH)));
  const columns = Math.ceil(limit / rows);
  const [width, height] = [WIDTH / columns, Math.min(92 / rows, 60)];
  const top = (98 - rows * height) / 2;
  let shapes = "";
  for (let slot = 0; slot < limit; slot += 1) {
    const kind = slot >= used ? "free" : used >= limit ? "full" : "used";
    const [x, y] = [(slot % columns) * width, top + Math.floor(slot / columns) * height];
    shapes += rect(kind, x + 2, y + 2, width - 4, height - 4, 6);
  }
  return shapes;
}

const models = { "fixed-window": new FixedWindow(), "sliding-window": new SlidingWindow(), "token-bucket": new TokenBucket() };
const pictures = [...document.querySelectorAll("figure")].map((figure) => ({
  model: models[figure.dataset.algorithm],
  isRunning: figure.dataset.algorithm === running,
  svg: figure.querySelector("svg"),
  state: figure.querySelector(".state"),
  tally: { true: figure.querySelector(".passed"), false: figure.querySelector(".stopped") },
  counts: { true: 0, false: 0 },
}));
const budgets = [...document.querySelectorAll(".budgets li")].map((item) => ({ item, remaining: 0, ends: 0 }));
const answers = document.querySelector("#answers");
const said = document.querySelector("#said");
const redis = document.querySelector("#redis");

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function tally(picture, passed) {
  picture.counts[passed] += 1;
  write(picture.tally[passed], `${picture.counts[passed]} ${passed ? "passed" : "stopped"}`);
}

function show(status, retryAfter) {
  const passed = status === 200;
  const item = document.createElement("li");
  item.className = passed ? "passed" : "stopped";
  item.textContent = status === 429 ? `429, wait ${retryAfter} s` : String(status);
  answers.prepend(item);
  while (answers.children.length > MOST_ANSWERS_SHOWN) answers.lastChild.remove();
  return passed;
}

async function sendOne() {
  const sentAt = now();
  const response = await fetch(route, { cache: "no-store" });
  await response.arrayBuffer();
  const passed = show(response.status, response.headers.get("Retry-After"));
  for (const picture of pictures) {
    const passes = picture.isRunning ? passed : picture.model.spend(sentAt);
    if (picture.isRunning && passed) picture.model.spend(sentAt);
    tally(picture, passes);
  }
  return passed;
}

async function send(count) {
  const buttons = document.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    const passed = await Promise.all(Array.from({ length: count }, sendOne));
    const yes = passed.filter(Boolean).length;
    write(said, count === 1 ? (yes ? "Passed." : "Stopped.") : `${yes} passed, ${count - yes} stopped.`);
    await look();
  } catch {
    write(said, "The service does not answer.");
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

async function look() {
  const response = await fetch("api/v1/budget", { cache: "no-store" });
  if (!response.ok) return;
  const { policies } = await response.json();
  const time = now();
  policies.forEach((policy, index) => {
    const budget = budgets[index];
    budget.remaining = policy.remaining;
    budget.ends = time + policy.more_in_seconds;
    write(budget.item.querySelector(".remaining"), String(policy.remaining));
    budget.item.querySelector("meter").value = policy.remaining;
  });
  models[running].adopt(policies[0].remaining, policies[0].more_in_seconds, time);
}

async function watchRedis() {
  const { ok } = await fetch("ready", { cache: "no-store" });
  redis.hidden = false;
  redis.classList.toggle("away", !ok);
  write(redis, ok ? "Redis counts" : "Redis is away: the failure mode decides");
}

function drawPictures() {
  const time = now();
  for (const { model, svg } of pictures) {
    model.settle(time);
    svg.innerHTML = model.draw(time); // made of numbers and fixed texts only
  }
}

function writeTexts() {
  const time = now();
  for (const { model, state } of pictures) write(state, model.state(time));
  for (const { item, ends } of budgets) {
    const left = ends - time;
    write(item.querySelector(".reset"), left > 0 ? `more in ${Math.ceil(left)} s` : "nothing used");
  }
}

async function keepLooking() {
  try {
    if (!document.hidden) await Promise.all([look(), watchRedis()]);
  } catch {
    write(said, "The service does not answer.");
  }
  const left = Math.min(...budgets.map(({ ends }) => ends - now()).filter((seconds) => seconds > 0), Infinity);
  setTimeout(keepLooking, Math.min(LOOK_EVERY_MS, left * 1000 + 30));
}

function animate() {
  drawPictures();
  requestAnimationFrame(animate);
}

for (const button of document.querySelectorAll("[data-send]")) {
  button.addEventListener("click", () => send(Number(button.dataset.send)));
}
setInterval(writeTexts, 250);
keepLooking();
if (matchMedia("(prefers-reduced-motion: reduce)").matches) setInterval(drawPictures, 1000);
else animate();
