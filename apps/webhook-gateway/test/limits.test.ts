import { openStoreWire } from "@control-plane/testkit";
import { expect } from "vitest";
import { send, sign, test } from "./service.ts";

test("a path that is called too often has to wait, others do not", async ({ start, world, addHook }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const [busy, calm] = [await addHook(workflow), await addHook(workflow)];
  const service = await start({ limits: { perPath: 3 } });

  const answers = [];
  for (let count = 0; count < 4; count++) answers.push(await send(service, busy, "{}"));
  const other = await send(service, calm, "{}");

  expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 429]);
  expect(answers[3]).toMatchObject({
    code: "RATE_LIMITED",
    headers: { "retry-after": expect.stringMatching(/^([1-9]|10)$/) },
  });
  expect(other.status).toBe(202);
  expect(await acme.runs()).toHaveLength(4);
});

test("paths that nobody has are counted too", async ({ start, world, addHook }) => {
  const acme = await world.tenant();
  const hook = { ...(await addHook(await acme.workflow())), path: "A".repeat(22) };
  const service = await start({ limits: { perPath: 1 } });

  expect([(await send(service, hook, "{}")).status, (await send(service, hook, "{}")).status]).toEqual([401, 429]);
});

test("an address that calls too often has to wait, whatever it calls", async ({ start, world, addHook }) => {
  const acme = await world.tenant();
  const workflow = await acme.workflow();
  const service = await start({ limits: { perAddress: 2 } });
  const from = (remoteAddress: string) => async () =>
    (await send(service, await addHook(workflow), "{}", { remoteAddress })).status;
  const [one, two] = [from("192.0.2.1"), from("192.0.2.2")];

  expect([await one(), await one(), await one(), await two()]).toEqual([202, 202, 429, 202]);
});

test("X-Forwarded-For counts only where the proxy is trusted, and then its last untrusted entry", async ({
  start,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const headers = { "x-forwarded-for": "198.51.100.7, 192.0.2.9, 10.0.0.1" };
  const [open, behind] = [await start(), await start({ trustedProxies: ["10.0.0.0/8", "127.0.0.1"] })];

  await send(open, hook, "{}", { headers, remoteAddress: "10.0.0.2" });
  await send(behind, hook, "{}", { headers, remoteAddress: "10.0.0.2" });

  const { rows } = await db.pool.query("select host(source_ip) as ip from webhook_deliveries order by id");
  expect(rows.map(({ ip }) => ip)).toEqual(["10.0.0.2", "192.0.2.9"]);
});

test("with the database away every request is a 503, at once, and afterwards all goes on", async ({
  start,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const wire = await openStoreWire(db.urlAs("cp_gateway"));
  const service = await start({ databaseUrl: wire.url });
  expect((await send(service, hook, "{}")).status).toBe(202);

  wire.cut();
  const away = await Promise.all(Array.from({ length: 20 }, () => send(service, hook, "{}")));
  const [ready, live] = [await service.server.inject("/ready"), await service.server.inject("/live")];
  wire.restore();
  await expect.poll(async () => (await send(service, hook, "{}")).status).toBe(202);

  expect(away.map(({ status, code }) => `${status} ${code}`)).toEqual(Array(20).fill("503 UNAVAILABLE"));
  expect(away[0]?.headers).toMatchObject({ "retry-after": "5" });
  expect([ready.statusCode, live.statusCode]).toEqual([503, 200]);
  expect(await acme.runs()).toHaveLength(2);
  await service.stop();
  await wire.close();
});

test("a stop answers what is under way before the connections close", async ({ start, world, addHook, db }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const service = await start();
  const base = await service.server.listen({ host: "127.0.0.1", port: 0 });
  const blocker = await db.pool.connect();
  await blocker.query("begin; lock table webhook_deliveries in access exclusive mode");

  let arrived = 0;
  service.server.server.on("request", () => {
    arrived += 1;
  });
  const underWay = Array.from({ length: 10 }, () =>
    fetch(`${base}/hooks/${hook.path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...sign(hook, "{}") },
      body: "{}",
    }),
  );
  // A connection that the server has not taken up yet when it stops listening is refused, as any later one.
  await expect.poll(() => arrived).toBe(10);
  const waiting =
    "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
  await expect.poll(async () => (await db.pool.query(waiting)).rows[0].n).toBeGreaterThan(0);
  const stopped = service.stop();
  await blocker.query("commit");
  blocker.release();
  const statuses = (await Promise.all(underWay)).map(({ status }) => status);
  await stopped;

  expect(statuses).toEqual(Array(10).fill(202));
  expect(await acme.runs()).toHaveLength(10);
  await expect(fetch(`${base}/live`)).rejects.toThrow();
});
