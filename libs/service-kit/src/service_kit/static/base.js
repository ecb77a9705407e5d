// What the pages share. All that an API has answered is put in as text: it is whatever somebody has sent.

const ASK_TIMEOUT_MS = 8000;
const TOKEN = "token";

export const byId = (id) => document.getElementById(id);
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function element(name, text = "", fields = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...fields });
}

/** A row of a list: a title, its state if it has one, and a line of facts below. */
export function item(title, fact, state) {
  const row = document.createElement("li");
  const head = row.appendChild(element("p", title, { className: "title", title }));
  if (state) head.prepend(element("span", state, { className: `state ${state}` }));
  row.append(element("p", fact, { className: "fact" }));
  return row;
}

/** Renew a list. What has the focus keeps it: rows and buttons are known by `data-key`. */
export function fill(id, rows, empty) {
  const held = byId(id).contains(document.activeElement) && document.activeElement.dataset.key;
  byId(id).replaceChildren(...(rows.length ? rows : [element("li", empty, { className: "empty" })]));
  if (held) byId(id).querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
}

export function say(text, isBad = false) {
  Object.assign(byId("said"), { textContent: text, className: isBad ? "bad" : "" });
}

/** Ask the API, with the token if there is one. Throws an Error with the problem's detail, and its `status`. */
export async function ask(method, path, body, fields = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...fields };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
  const answer = await fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  const isJson = (answer.headers.get("content-type") ?? "").includes("json");
  if (answer.ok) return isJson ? answer.json() : answer.text();
  const problem = await answer.json().catch(() => ({}));
  const first = problem.errors?.[0];
  const place = first?.pointer ?? first?.parameter;
  const detail = first ? `${place ? `${place}: ` : ""}${first.detail}` : problem.detail ?? answer.statusText;
  throw Object.assign(new Error(detail), { status: answer.status });
}

/**
 * Show `main` to who has typed a token into the form `enter`, and look again and again. The token is kept until
 * the tab is closed. `look` fills the page; `forget` empties it; `isOfUse` without answers shows it even then.
 * Returns a function that looks at once.
 */
export function lookForEver({ everyMs, look, forget, isOfUse = false }) {
  const show = (isIn) => {
    document.querySelector("main").hidden = !isIn;
    byId("leave").hidden = !isIn;
    byId("enter").hidden = isIn;
  };
  const leave = () => {
    sessionStorage.removeItem(TOKEN);
    forget();
    show(false);
  };
  const lookOnce = async () => {
    if (!sessionStorage.getItem(TOKEN) || document.hidden) return;
    const isStale = document.body.classList.contains("stale"); // what was said since then stays
    try {
      await look();
      if (!sessionStorage.getItem(TOKEN)) return leave();
      if (isStale) say("");
      document.body.classList.remove("stale");
      show(true);
    } catch (error) {
      if (error.status === 401) leave();
      else if (isOfUse) show(true);
      document.body.classList.toggle("stale", error.status !== 401);
      if (!isStale || error.status === 401) say(error.status ? error.message : "No answer.", true);
    }
  };
  const again = async () => {
    await lookOnce();
    setTimeout(again, everyMs);
  };
  byId("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(TOKEN, byId("token").value);
    byId("token").value = "";
    say("");
    lookOnce();
  });
  byId("leave").addEventListener("click", () => {
    leave();
    say("");
    byId("token").focus();
  });
  show(false);
  again();
  return lookOnce;
}
