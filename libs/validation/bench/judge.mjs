// The contestant zod: `node judge.mjs TEXT`, for as many seconds as each line of stdin says.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// It is installed beside the other peers, and not here.
const { z } = createRequire(process.env.PEERS)("zod");

const text = (most, least = 0) => z.string().min(least).max(most);
const Order = z.strictObject({
  placed_on: z.iso.date(),
  customer: z.strictObject({ name: text(100, 1), email: z.string().regex(/^[^@\s]+@[^@\s]+$/).max(200) }),
  items: z
    .array(
      z.strictObject({
        sku: z.string().regex(/^[A-Z]{3}-[0-9]{4}$/),
        qty: z.int().min(1).max(999),
        unit_price: z.number().min(0).max(100000).multipleOf(0.01),
        note: text(200).nullable().optional(),
      }),
    )
    .min(1)
    .max(100),
  payment: z.discriminatedUnion("method", [
    z.strictObject({ method: z.literal("card"), last4: z.string().regex(/^[0-9]{4}$/) }),
    z.strictObject({ method: z.literal("transfer"), iban: z.string().regex(/^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$/) }),
    z.strictObject({ method: z.literal("voucher"), codes: z.array(text(20, 1)).min(1).max(5) }),
  ]),
  delivery: z
    .union([z.strictObject({ street: text(100, 1), city: text(100, 1) }), z.strictObject({ shop: z.int().min(1) })])
    .nullable()
    .optional(),
});

const pointer = (path) =>
  "#" + path.map((step) => "/" + encodeURIComponent(String(step).replaceAll("~", "~0").replaceAll("/", "~1"))).join("");

function judge(body) {
  const result = Order.safeParse(JSON.parse(body.toString()));
  if (result.success) return [];
  const entries = result.error.issues.flatMap(({ path, code, message, keys, ...params }) =>
    keys
      ? keys.map((key) => ({ pointer: pointer([...path, key]), code, detail: message, params }))
      : [{ pointer: pointer(path), code, detail: message, params }],
  );
  return entries.sort((one, other) => (one.pointer < other.pointer ? -1 : 1)).map((entry) => entry.pointer);
}

const body = Buffer.from(process.argv[2]);
const wanted = process.argv[3];
if (judge(body).join() !== wanted) throw new Error(judge(body).join());
for await (const line of createInterface({ input: process.stdin })) {
  const started = process.hrtime.bigint();
  let done = 0;
  let elapsed = 0;
  while (elapsed < Number(line)) {
    for (let number = 0; number < 200; number++) judge(body);
    done += 200;
    elapsed = Number(process.hrtime.bigint() - started) / 1e9;
  }
  console.log(done / elapsed);
}
