// Looks at the page again every second, and puts the new <main> where the old one was: the server has made it.

const LOOK_EVERY_MS = 1000;
const LOOK_TIMEOUT_MS = 5000;

const said = document.getElementById("said");

async function look() {
  let fresh;
  try {
    const answer = await fetch("./", { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    fresh = page.querySelector("main");
  } catch {
    fresh = null;
  }
  document.body.classList.toggle("stale", !fresh);
  const held = document.querySelector("main button:focus");
  if (fresh && !held) document.querySelector("main").replaceWith(fresh);
}

async function send(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    const document = await answer.json();
    const reasons = (document.errors ?? []).map(({ pointer, detail }) => `${pointer.slice(2)}: ${detail}`);
    said.textContent = answer.ok ? "Scheduled." : reasons.join("; ") || document.detail || document.title;
  } catch {
    said.textContent = "No answer.";
  }
  document.activeElement?.blur();
  await look();
}

document.getElementById("try").addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  const url = fields.get("callback_url");
  send("api/v1/reminders", {
    message: fields.get("message"),
    remind_at: new Date(Date.now() + Number(fields.get("seconds")) * 1000).toISOString(),
    ...(url ? { callback_url: url } : { channel: "log" }),
  });
});

document.addEventListener("click", (event) => {
  const { replay } = event.target.dataset ?? {};
  if (replay) send(`api/v1/reminders/${replay}/replay`);
});

async function lookForEver() {
  if (!document.hidden) await look();
  setTimeout(lookForEver, LOOK_EVERY_MS);
}

setTimeout(lookForEver, LOOK_EVERY_MS);
