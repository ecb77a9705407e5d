// Prints, as JSON, deliveries as the libraries of senders sign them: {what, headers, body}. To be run where they are.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { secret, githubSecret, stripeSecret, bodies } = JSON.parse(process.argv[2]);
const deliveries = [];

const { Webhook: Standard } = require("standardwebhooks");
const { Webhook: Svix } = require("svix");
const Stripe = require("stripe");
const { sign } = await import("@octokit/webhooks-methods");

for (const [number, body] of bodies.entries()) {
  const now = new Date();
  const seconds = String(Math.floor(now.getTime() / 1000));
  for (const [what, kind, family] of [["standardwebhooks", Standard, "webhook"], ["svix", Svix, "svix"]]) {
    const id = `msg_npm_${what}_${number}`;
    const signature = new kind(secret).sign(id, now, body);
    const headers = { [`${family}-id`]: id, [`${family}-timestamp`]: seconds, [`${family}-signature`]: signature };
    deliveries.push({ what, headers, body });
  }
  const github = { "X-Hub-Signature-256": await sign(githubSecret, body), "X-GitHub-Delivery": `npm-${number}` };
  deliveries.push({ what: "octokit", headers: github, body });
  const stripe = Stripe.webhooks ?? new Stripe("sk_test_x").webhooks;
  const header = stripe.generateTestHeaderString({ payload: body, secret: stripeSecret });
  deliveries.push({ what: "stripe", headers: { "Stripe-Signature": header }, body });
}
console.log(JSON.stringify(deliveries));
