// Asks by the server provider and by the web provider, and prints what they say: a line of JSON each.
// The web provider then waits for an event of its stream, and says what the flag is after it.
import { EventSource } from 'eventsource';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature as Server } from '@openfeature/server-sdk';
import { OpenFeature as Web, ProviderEvents } from '@openfeature/web-sdk';

globalThis.EventSource = EventSource; // a browser has one
const asked = JSON.parse(process.argv[2]);
const say = (line) => console.log(JSON.stringify(line));
const plain = ({ value, variant, reason, errorCode }) => ({ value, variant, reason, errorCode });

await Server.setProviderAndWait(new OFREPProvider({
  baseUrl: asked.url,
  headers: [['Authorization', `Bearer ${asked.server}`]],
}));
const server = Server.getClient();
const context = { targetingKey: 'user-1', plan: 'pro' };
say({
  who: 'server',
  boolean: plain(await server.getBooleanDetails('boolean', false, context)),
  string: plain(await server.getStringDetails('string', 'mine', context)),
  integer: plain(await server.getNumberDetails('integer', 0, context)),
  float: plain(await server.getNumberDetails('float', 0, context)),
  object: plain(await server.getObjectDetails('object', {}, context)),
  off: plain(await server.getStringDetails('off', 'mine', context)),
  unknown: plain(await server.getStringDetails('unknown', 'mine', context)),
  keyless: plain(await server.getStringDetails('rollout', 'mine', {})),
});

await Web.setContext(context);
const provider = new OFREPWebProvider({
  baseUrl: asked.url,
  headers: [['X-API-Key', asked.browser]],
  cacheMode: 'disabled',
});
await Web.setProviderAndWait(provider);
const web = Web.getClient();
const seen = () => plain(web.getStringDetails('string', 'mine'));
web.addHandler(ProviderEvents.ConfigurationChanged, async () => {
  say({ who: 'changed', string: seen() });
  await Web.close();
  process.exit(0);
});
say({ who: 'web', string: seen(), hidden: plain(web.getBooleanDetails('boolean', false)) });
setTimeout(() => process.exit(3), 15000);
