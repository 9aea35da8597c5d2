import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { processEnvironment } from "@control-plane/testkit";
import { expect } from "vitest";
import { send, test } from "./service.ts";

test("live and ready answer, and the metrics count deliveries by outcome without naming anybody", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  await send(service, hook, "{}", { id: "msg_1" });
  await send(service, hook, "{}", { id: "msg_1" });

  const [live, ready, metrics] = await Promise.all([
    service.server.inject("/live"),
    service.server.inject("/ready"),
    service.server.inject("/metrics"),
  ]);

  expect([live.statusCode, ready.statusCode]).toEqual([200, 200]);
  for (const outcome of ["accepted", "duplicate"])
    expect(metrics.body).toMatch(new RegExp(`^webhook_deliveries_total\\{.*outcome="${outcome}".*\\} 1$`, "m"));
  for (const secret of [hook.path, acme.id, hook.id]) expect(metrics.body).not.toContain(secret);
});

test("an unknown path is not found, in the one shape of a refusal", async ({ service }) => {
  const reply = await service.server.inject({ method: "POST", url: "/nothing" });

  expect([reply.statusCode, reply.json().extensions.code]).toEqual([404, "NOT_FOUND"]);
});

test("all that is missing or wrong is said at once, without values, and the process ends with 1", () => {
  const main = join(import.meta.dirname, "../src/main.ts");

  const { status, stderr } = spawnSync(process.execPath, ["--conditions=@control-plane/source", main], {
    env: {
      ...processEnvironment,
      PORT: "none",
      DATABASE_URL: "mysql://root:hidden-word@localhost/x",
      HASURA_ACTION_SECRET: "short",
      HOOKS_PUBLIC_URL: "https://hooks.example/",
      HOOK_BODY_BYTES_MAX: "0",
    },
    encoding: "utf8",
    timeout: 30_000,
  });

  expect(status).toBe(1);
  for (const name of [
    "PORT",
    "DATABASE_URL",
    "HASURA_ACTION_SECRET",
    "HOOKS_PUBLIC_URL",
    "HOOK_BODY_BYTES_MAX",
    "KEYRING",
  ])
    expect(stderr).toMatch(new RegExp(`^  ${name}.*: `, "m"));
  expect(stderr).not.toContain("hidden-word");
});
