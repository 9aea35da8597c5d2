import { openStoreWire } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import { inviteUserToTenant } from "../src/actions/invite-user-to-tenant.ts";
import { login } from "../src/actions/login.ts";
import { askForToken, makeKey } from "./access-key-holder.ts";
import { openService, post, type Service, test as withService } from "./service.ts";

/** Redis there, cut off while the service runs, and never there at all: the numbers are the same. */
const REDIS = ["there", "cut", "absent"] as const;

const test = withService.extend("limited", async ({ db, keys, redis, actions }, { onCleanup }) => {
  const wire = await openStoreWire(redis.url);
  onCleanup(() => wire.close());
  return {
    /** A service of its own for each state of Redis; through Hasura, too, it is the one that answers. */
    async open(state: (typeof REDIS)[number]): ReturnType<typeof openService> {
      const service = await openService(db, keys, {
        TRUSTED_PROXIES: "127.0.0.1/32",
        ...(state === "absent" ? {} : { REDIS_URL: wire.url, QUEUE_PREFIX: `${redis.prefix}-${state}` }),
      });
      actions.bind(service.server, "the-secret-of-hasura-actions");
      if (state === "cut") wire.cut();
      if (state === "there") {
        const counted = async () => {
          await service.deps.limits.deniedRows.take("nobody");
          return (await redis.keys()).length;
        };
        await expect.poll(counted).toBeGreaterThan(0);
      }
      return service;
    },
  };
});

/** Status of each of so many calls from an address, and what the last one said about when to come back. */
async function callsFrom(
  service: Service,
  address: string,
  path: string,
  inputs: readonly object[],
): Promise<{ statuses: number[]; retryAfter: unknown }> {
  const replies = [];
  for (const input of inputs) replies.push(await post(service, path, input, { "x-forwarded-for": address }));
  return {
    statuses: replies.map(({ status }) => status),
    retryAfter: replies.at(-1)?.headers["retry-after"],
  };
}

const times = (count: number, input: (index: number) => object): object[] =>
  Array.from({ length: count }, (_, index) => input(index));
const REDIS_STATES = REDIS.map((state) => [state] as const);

describe.each(REDIS_STATES)("with Redis %s", (state) => {
  test("five wrong passwords a minute for an e-mail from an address, known or not, at once or not", async ({
    world,
    limited,
  }) => {
    const service = await limited.open(state);
    const user = await (await world.tenant()).user("viewer");
    const wrong = (email: string) => ({ email, password: "a wrong guess" });

    const known = await callsFrom(
      service,
      "192.0.2.1",
      "/auth/login",
      times(7, () => wrong(user.email)),
    );
    const unknown = await callsFrom(
      service,
      "192.0.2.1",
      "/auth/login",
      times(7, () => wrong("nobody@example.com")),
    );
    const right = await callsFrom(service, "192.0.2.1", "/auth/login", [
      { email: user.email, password: user.password },
    ]);
    const elsewhere = await callsFrom(service, "192.0.2.2", "/auth/login", [
      { email: user.email, password: user.password },
    ]);
    const atOnce = await Promise.all(
      times(20, () => wrong(user.email)).map((input) =>
        post(service, "/auth/login", input, { "x-forwarded-for": "192.0.2.3" }),
      ),
    );
    await service.close();

    expect(known.statuses).toEqual([...Array(5).fill(401), 429, 429]);
    expect(unknown.statuses).toEqual(known.statuses);
    expect(Number(known.retryAfter)).toSatisfy((seconds: number) => seconds >= 1 && seconds <= 60);
    expect([right.statuses, elsewhere.statuses]).toEqual([[429], [200]]);
    expect(atOnce.filter(({ status }) => status === 401)).toHaveLength(5);
  });

  test("a flood through Hasura shuts that path for an e-mail, and not the direct one", async ({
    world,
    actions,
    limited,
  }) => {
    const service = await limited.open(state);
    const user = await (await world.tenant()).user("viewer");

    const codes = [];
    for (let tries = 0; tries < 7; tries += 1) {
      const reply = await actions.call(login, "anonymous", { email: user.email, password: "a wrong guess" });
      codes.push(reply.outcome === "refused" ? reply.code : "done");
    }
    const direct = await post(service, "/auth/login", { email: user.email, password: user.password });
    await service.close();

    expect(codes).toEqual([...Array(5).fill("INVALID_CREDENTIALS"), "RATE_LIMITED", "RATE_LIMITED"]);
    expect(direct.status).toBe(200);
  });
});

test("right passwords are no failures, also twelve at once", async ({ world, limited }) => {
  const service = await limited.open("there");
  const user = await (await world.tenant()).user("viewer");
  const right = { email: user.email, password: user.password };

  const calls = await callsFrom(
    service,
    "192.0.2.1",
    "/auth/login",
    times(8, () => right),
  );
  await service.close();

  expect(calls.statuses).toEqual(Array(8).fill(200));
});

test.for([
  ["/auth/login", 100, (index: number) => ({ email: `a${index}@example.com`, password: "a guess" }), 401],
  [
    "/auth/register",
    10,
    (index: number) => ({ email: `a${index}@example.com`, password: "short", name: "A", tenantName: "A" }),
    400,
  ],
  ["/auth/refresh", 300, () => ({ refreshToken: "rt_unknown" }), 401],
  ["/auth/password/request-reset", 20, (index: number) => ({ email: `a${index}@example.com` }), 200],
  ["/auth/password/reset", 20, () => ({ token: "pwr_unknown", newPassword: "a long enough password" }), 400],
  ["/auth/invitations/accept", 20, () => ({ token: "inv_unknown" }), 404],
  ["/auth/invitations/decline", 20, () => ({ token: "inv_unknown" }), 404],
] as const)(
  "%s takes so many calls from an address, and not one more",
  async ([path, limit, input, status], { limited }) => {
    const service = await limited.open("there");

    const calls = await callsFrom(service, "192.0.2.1", path, times(limit + 1, input));
    const other = await callsFrom(service, "192.0.2.2", path, [input(0)]);
    await service.close();

    expect(calls.statuses.slice(0, limit)).toEqual(Array(limit).fill(status));
    expect(calls.statuses[limit]).toBe(429);
    expect(other.statuses).toEqual([status]);
  },
);

test("POST /auth/token takes 60 calls a minute with a key, and 20 bad ones from an address", async ({
  world,
  actions,
  limited,
}) => {
  const service = await limited.open("there");
  const { key } = await makeKey(actions, await (await world.tenant()).user("builder"));
  const ask = async (presented: string, address: string) =>
    (await askForToken(service, presented, { "x-forwarded-for": address })).status;

  const good = [];
  for (let calls = 0; calls < 61; calls += 1) good.push(await ask(key, "192.0.2.1"));
  const bad = [];
  for (let calls = 0; calls < 21; calls += 1) bad.push(await ask(`ak_unknown-${calls}`, "192.0.2.2"));
  await service.close();

  expect(good).toEqual([...Array(60).fill(200), 429]);
  expect(bad).toEqual([...Array(20).fill(401), 429]);
});

test("a tenant sends 50 invitations an hour", async ({ world, actions, limited }) => {
  const service = await limited.open("there");
  const owner = await (await world.tenant()).user("owner");

  const outcomes = [];
  for (let index = 0; index < 51; index += 1) {
    const input = { email: `a${index}@example.com`, role: "viewer" };
    outcomes.push((await actions.call(inviteUserToTenant, owner, input)).outcome);
  }
  await service.close();

  expect(outcomes).toEqual([...Array(50).fill("done"), "refused"]);
});

test("refused sign-ins put at most 60 rows a minute on the trail, with where they came from", async ({
  world,
  limited,
}) => {
  const service = await limited.open("there");
  const acme = await world.tenant();
  const user = await acme.user("viewer");

  // From 14 addresses, since one of them gets no further than five.
  for (let address = 1; address <= 14; address += 1)
    await callsFrom(
      service,
      `192.0.2.${address}`,
      "/auth/login",
      times(5, () => ({ email: user.email, password: "x" })),
    );
  await service.deps.background.settled();
  await service.close();

  const rows = (await acme.audit()).filter(({ action }) => action === "session.denied");
  expect(rows).toHaveLength(60);
  expect(rows[0]).toMatchObject({
    outcome: "DENIED",
    changes: { address: "192.0.2.1" },
    requestId: expect.any(String),
  });
});
