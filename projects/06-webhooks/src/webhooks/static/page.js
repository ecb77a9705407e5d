// Asks the API every second.

import { ask, byId, element, fill, item, lookForEver, plural, say } from "./base.js";

const LOOK_EVERY_MS = 1000;
const MOST_LISTED = 12;

const CAUSES = {
  secret_of_another_source: (detail) => `signed with the secret of the source ${detail}`,
  expired_secret: () => "signed with a secret of this source that has expired",
  misread_secret: () => "signed with the text of whsec_… in place of the key that it stands for",
  reserialized_json: () => "the JSON was parsed and written again on its way",
  final_newline: () => "a newline at the end is missing, or one too many",
  wrong_encoding: () => "the signature is written in hex in place of base64",
  clock_skew: () => "the clock of the sender is wrong, or the delivery is old",
  unknown: () => "by no known mistake: the secret may be another one",
};

const details = new Map(); // by the event and the attempt that they are of: an attempt that is over stays as it is

const get = (path) => ask("GET", path);

function span(moment) {
  const seconds = Math.max(0, (Date.now() - Date.parse(moment)) / 1000);
  for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${Math.floor(seconds)} s`;
}

function button(text, label, key, act) {
  const made = element("button", text, { type: "button", className: "small" });
  made.setAttribute("aria-label", label);
  made.dataset.key = key;
  made.addEventListener("click", act);
  return made;
}

function row(title, fact, { state, moment, control } = {}) {
  const made = item(title, "", state);
  const below = made.querySelector(".fact");
  below.append(element("span", fact));
  if (moment) below.append(element("time", `${span(moment)} ago`, { dateTime: moment }));
  if (control) below.append(control);
  return made;
}

function inboxRow(event) {
  const facts = [event.source, plural(event.size_bytes, "byte")];
  if (event.conflict_count) facts.push(plural(event.conflict_count, "conflict"));
  return row(event.key, facts.join(", "), { state: event.state, moment: event.received_at });
}

function failingRow(event) {
  const last = event.attempts.filter((attempt) => attempt.outcome && attempt.outcome !== "forwarded").at(-1);
  const facts = `${event.source}, ${plural(event.attempt_count, "attempt")}: ${last?.error ?? "no attempt has ended"}`;
  const again = event.state === "dead" && button("Replay", `Replay ${event.key}`, `replay-${event.id}`, () =>
    act("POST", `/api/v1/events/${event.id}/replay`, undefined, () => "It is forwarded again."));
  return row(event.key, facts, { state: event.state === "dead" ? "dead" : "retrying", control: again || null });
}

function rejectedRow(rejected) {
  const cause = (CAUSES[rejected.cause] ?? (() => rejected.cause))(rejected.detail);
  const again = button("Verify again", `Verify what ${rejected.source} sent again`, `reverify-${rejected.id}`, () =>
    act("POST", "/api/v1/quarantine/reverify", { source: rejected.source }, (counts) =>
      `${plural(counts.admitted, "event")} admitted, ${counts.known} known before.`));
  const title = `${rejected.source}: ${rejected.reason.replaceAll("_", " ")}`;
  return row(title, cause, { moment: rejected.received_at, control: again });
}

function sourceRow(source) {
  const used = source.secrets.map((secret) => secret.last_used_at).filter(Boolean).sort().at(-1);
  const facts = `${source.scheme}, ${plural(source.secrets.length, "secret")}${used ? ", used" : ", never used"}`;
  return row(source.name, facts, { state: source.state, moment: used });
}

async function withDetails(event) {
  const key = `${event.id} ${event.round} ${event.attempt_count} ${event.state}`;
  if (!details.has(key)) {
    if (details.size > 500) details.clear();
    details.set(key, await get(`/api/v1/events/${event.id}`));
  }
  return details.get(key);
}

const sample = (metrics, name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? 0);

async function look() {
  const sources = await get("/api/v1/sources"); // alone: with a wrong token the others need not be asked
  const [inbox, dead, pending, quarantine, metrics] = await Promise.all([
    get(`/api/v1/events?limit=${MOST_LISTED}`),
    get(`/api/v1/events?limit=${MOST_LISTED}&state=dead`),
    get("/api/v1/events?limit=100&state=pending"),
    get("/api/v1/quarantine"),
    get("/metrics"),
  ]);
  const retrying = pending.items.filter((event) => event.attempt_count > 0);
  const failing = await Promise.all([...retrying.slice(0, MOST_LISTED), ...dead.items].map(withDetails));
  const waiting = sample(metrics, "webhooks_inbox_events");
  const oldest = sample(metrics, "webhooks_inbox_oldest_age_seconds");

  byId("waiting").textContent = waiting;
  byId("oldest").textContent = waiting ? span(new Date(Date.now() - oldest * 1000).toISOString()) : "–";
  byId("failing-count").textContent = `${retrying.length + dead.items.length}${dead.next_cursor ? "+" : ""}`;
  byId("rejected-count").textContent = quarantine.items.length;
  fill("inbox", inbox.items.map(inboxRow), "Nothing has come yet.");
  fill("failing", failing.map(failingRow), "Nothing has failed.");
  fill("rejected", quarantine.items.slice(-MOST_LISTED).reverse().map(rejectedRow), "Nothing was rejected.");
  fill("sources", sources.items.map(sourceRow), "There is no source yet.");
}

async function act(method, path, body, told) {
  try {
    say(told(await ask(method, path, body)));
    await look();
  } catch (error) {
    say(error.message, true);
  }
}

function forget() {
  details.clear();
  for (const id of ["inbox", "failing", "rejected", "sources"]) byId(id).replaceChildren();
}

lookForEver({ everyMs: LOOK_EVERY_MS, look, forget });
