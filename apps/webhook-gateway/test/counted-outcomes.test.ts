import { expect } from "vitest";
import { send, test } from "./service.ts";

test("every request is counted once by scheme and outcome, refused and failed ones included", async ({
  start,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const unknown = { ...hook, path: "A".repeat(22) };
  const service = await start({ limits: { bodyBytesMax: 100 } });

  await send(service, hook, "{}");
  await send(service, unknown, "{}");
  await send(service, hook, "{not json");
  await send(service, hook, `"${"x".repeat(200)}"`);
  await send(service, hook, "{}", { headers: { "content-encoding": "gzip" } });
  await service.server.inject({ method: "GET", url: `/hooks/${hook.path}` });
  await db.pool.query("alter table webhook_deliveries rename to elsewhere");
  await send(service, hook, "{}");
  const counted = (await service.server.inject("/metrics")).body
    .split("\n")
    .filter((line) => line.startsWith("webhook_deliveries_total{"))
    .map((line) => {
      const [, scheme, outcome, count] = /scheme="([^"]*)",outcome="([^"]*)".* (\d+)$/.exec(line) ?? [];
      return `${scheme} ${outcome} ${count}`;
    });

  expect(counted.sort()).toEqual([
    "STANDARD_WEBHOOKS accepted 1",
    "STANDARD_WEBHOOKS body-not-json 1",
    "STANDARD_WEBHOOKS internal 1",
    "none method-not-allowed 1",
    "none not-verified 1",
    "none payload-too-large 1",
    "none unsupported-media-type 1",
  ]);
});
