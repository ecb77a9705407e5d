// The learner's receipts: whether they are whole, and how they get from one machine to another.

import { ask, byId, element, plural } from "./base.js";

const API = "/api/v1";
const PART = 20; // so that a part is no longer than a body may be

/** Say how many there are, and return whether there are any. */
export async function showChain(user) {
  const chain = await ask("GET", `${API}/learners/${user}/chain`);
  const place = byId("chain");
  if (!chain.length) {
    place.textContent = "None yet: a run that passes gets one if the service has a key.";
    return false;
  }
  const whole = chain.intact ? "each as it was signed" : `number ${chain.broken_at} is not what was signed`;
  place.textContent = `${plural(chain.length, "receipt")}, ${whole}. The last: ${chain.head}`;
  place.classList.toggle("bad", !chain.intact);
  return true;
}

/** Have the browser save all of them. */
export async function save() {
  const receipts = [];
  for (let part; !part || part.length; receipts.push(...part)) {
    part = (await ask("GET", `${API}/receipts?limit=${PART}&after=${receipts.length}`)).receipts;
  }
  const file = new Blob([JSON.stringify({ receipts })], { type: "application/json" });
  const link = element("a", "", { href: URL.createObjectURL(file), download: "receipts.json" });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Hand in what was saved elsewhere, part by part, and return how many were not known yet. */
export async function takeIn(text) {
  let receipts;
  try {
    receipts = JSON.parse(text).receipts;
  } catch {
    receipts = null;
  }
  if (!Array.isArray(receipts) || !receipts.length) {
    throw Object.assign(new Error("There are no receipts in this file."), { status: 422 });
  }
  let count = 0;
  for (let at = 0; at < receipts.length; at += PART) {
    count += (await ask("POST", `${API}/receipts`, { receipts: receipts.slice(at, at + PART) })).taken;
  }
  return count;
}
