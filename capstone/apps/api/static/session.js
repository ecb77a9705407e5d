// Who is signed in, in this tab. The token that asks lives for minutes, and is exchanged before it ends.

import { ask } from "./base.js";

export const API = "/api/v1";
const [TOKEN, REFRESH, ENDS] = ["token", "refresh", "ends"]; // the first is what `ask` shows
const EARLY_MS = 20000;

let exchange = null; // one at a time: what asks meanwhile waits for the same token

function keep(tokens) {
  sessionStorage.setItem(TOKEN, tokens.access_token);
  sessionStorage.setItem(REFRESH, tokens.refresh_token);
  sessionStorage.setItem(ENDS, Date.now() + tokens.expires_in * 1000);
}

export function forget() {
  for (const name of [TOKEN, REFRESH, ENDS]) sessionStorage.removeItem(name);
}

export const isSignedIn = () => sessionStorage.getItem(TOKEN) !== null;

export async function signIn(email, password) {
  forget();
  keep(await ask("POST", `${API}/auth/login`, { email, password }));
}

export async function signOut() {
  try {
    await asPerson("POST", "/auth/logout");
  } finally {
    forget();
  }
}

async function renew() {
  const refresh_token = sessionStorage.getItem(REFRESH);
  const tokens = await ask("POST", `${API}/auth/refresh`, { refresh_token });
  if (sessionStorage.getItem(REFRESH) === refresh_token) keep(tokens); // else somebody has signed out meanwhile
}

/** Ask the API as whoever is signed in. */
export async function asPerson(method, path, body) {
  if (Number(sessionStorage.getItem(ENDS)) - Date.now() < EARLY_MS) {
    exchange ??= renew().finally(() => (exchange = null));
    await exchange;
  }
  return ask(method, `${API}${path}`, body);
}
