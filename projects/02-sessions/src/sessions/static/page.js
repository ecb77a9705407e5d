import { byId, say } from "./base.js";

const fragment = new URLSearchParams(location.hash.slice(1));
let token = fragment.get("token");
const emailToken = fragment.get("email-token");
if (location.hash) history.replaceState(null, "", location.pathname); // a token is not to be seen, or kept

const ask = async (method, path, body) => {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await fetch(`api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { ok: answer.ok, status: answer.status, body: text ? JSON.parse(text) : null };
};

const why = ({ body }) => (body.errors ?? []).map((one) => one.detail).join(" ") || body.detail || body.title;

const show = (ids) => {
  for (const id of ["choose", "sign-in", "register", "who", "sessions", "change", "move"]) {
    byId(id).hidden = !ids.includes(id);
  }
};

const item = (session) => {
  const row = document.createElement("li");
  const about = row.appendChild(document.createElement("div"));
  const agent = about.appendChild(document.createElement("p"));
  agent.className = "agent";
  agent.textContent = session.user_agent || "a program that does not say its name";
  const fact = about.appendChild(document.createElement("p"));
  fact.className = "fact";
  const seen = new Date(session.last_seen_at).toLocaleString();
  fact.textContent = `${session.current ? "this session, " : ""}${session.address}, last seen ${seen}`;
  const button = row.appendChild(document.createElement("button"));
  button.type = "button";
  button.textContent = session.current ? "End this session" : "End";
  button.addEventListener("click", async () => {
    const answer = await ask("DELETE", `/sessions/${session.id}`);
    await refresh();
    say(answer.ok ? "That session has ended." : why(answer), !answer.ok);
  });
  return row;
};

// No script can see the cookie, so this note says whether it is worth asking who is signed in.
const NOTE = "signed-in";

const refresh = async () => {
  const me = localStorage.getItem(NOTE) ? await ask("GET", "/me") : { ok: false, status: 401 };
  if (!me.ok) {
    if (me.status === 401) localStorage.removeItem(NOTE);
    show(token ? ["choose"] : ["sign-in", "register"]);
    if (me.status !== 401) say(why(me), true);
    return;
  }
  byId("email").textContent = me.body.email;
  const sessions = await ask("GET", "/sessions");
  byId("list").replaceChildren(...(sessions.ok ? sessions.body.items.map(item) : []));
  show(token ? ["choose", "who"] : ["who", "sessions", "change", "move"]);
};

const onSubmit = (id, send, done) => {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value !== ""));
    const answer = await send(fields);
    if (answer.ok) {
      event.target.reset();
      await refresh();
    }
    say(answer.ok ? done : why(answer), !answer.ok);
  });
};

const signIn = async (fields) => {
  const answer = await ask("POST", "/session", fields);
  if (answer.ok) localStorage.setItem(NOTE, "yes");
  return answer;
};

onSubmit("sign-in", signIn, "");
onSubmit("register", (fields) => ask("POST", "/registrations", fields), "A mail is on its way.");
onSubmit("change", (fields) => ask("PUT", "/me/password", fields), "The password is changed. All other sessions have ended.");
onSubmit("move", (fields) => ask("PUT", "/me/email", fields), "A mail is on its way to the new address.");
onSubmit("revoke", (fields) => ask("POST", "/me/revoke-others", fields), "All other sessions have ended.");

byId("choose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask("POST", "/accounts", { token, password: new FormData(event.target).get("password") });
  if (answer.ok) {
    token = null;
    show(["sign-in", "register"]);
    byId("sign-in").elements.email.value = answer.body.email;
  }
  say(answer.ok ? "The account is there: sign in." : why(answer), !answer.ok);
});

byId("sign-out").addEventListener("click", async () => {
  await ask("DELETE", "/session");
  localStorage.removeItem(NOTE);
  await refresh();
  say("Signed out.");
});

const begin = async () => {
  await refresh();
  if (emailToken === null) return;
  const answer = await ask("POST", "/me/email/confirmation", { token: emailToken });
  await refresh();
  say(answer.ok ? "The e-mail is changed." : answer.status === 401 ? "Sign in, and open the link again." : why(answer), !answer.ok);
};
begin();
