import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { createMetrics } from "@control-plane/service-kit";
import { processEnvironment, type TestDatabase } from "@control-plane/testkit";
import { describe, expect } from "vitest";
import type { Deps } from "../src/deps.ts";
import { createTokenIssuer } from "../src/domain/access-token.ts";
import { replaceSigning, rotateSigning } from "../src/domain/rotate-signing.ts";
import { openSigningKeys } from "../src/domain/signing-keys.ts";
import { buildServer } from "../src/server.ts";
import { ACTION_SECRET, EVENT_SECRET, ISSUER, post, type Service, test } from "./service.ts";

const WAITS = { publishSeconds: 300, retireSeconds: 1_200 };
const CLI = join(import.meta.dirname, "../src/cli/keys.ts");

async function states({ pool }: TestDatabase): Promise<string[]> {
  const { rows } = await pool.query<{ state: string }>(
    "select state::text from internal.signing_keys order by created_at, id",
  );
  return rows.map(({ state }) => state);
}

async function letPass({ pool }: TestDatabase, seconds: number): Promise<void> {
  await pool.query(
    "update internal.signing_keys set created_at = created_at - make_interval(secs => $1), promoted_at = promoted_at - make_interval(secs => $1)",
    [seconds],
  );
}

/** A replica that reads the keys every few milliseconds, over the service's database. */
async function openReplica(deps: Deps): Promise<Service & Pick<Deps, "issueAccessToken"> & { close(): Promise<void> }> {
  const signingKeys = await openSigningKeys({ db: deps.db, envelope: deps.envelope, log: deps.log }, 20);
  const issueAccessToken = createTokenIssuer({
    issuer: ISSUER,
    currentKey: signingKeys.current,
    now: () => new Date(),
  });
  const server = await buildServer(
    { ...deps, signingKeys, issueAccessToken, metrics: createMetrics("auth-actions") },
    {
      actionSecrets: [ACTION_SECRET],
      eventSecrets: [EVENT_SECRET],
      corsOrigins: [],
      trustedProxies: [],
      issuer: ISSUER,
    },
  );
  const close = async (): Promise<void> => {
    await signingKeys.stop();
    await server.close();
  };
  return { server, issueAccessToken, close };
}

const publishedKids = async ({ server }: Service): Promise<string[]> =>
  (await server.inject("/.well-known/jwks.json")).json<{ keys: { kid: string }[] }>().keys.map(({ kid }) => kid);

describe("a rotation", () => {
  test("publishes, promotes and retires, each step when its time has come and not before", async ({ service, db }) => {
    const { deps } = service;
    const rotate = () => rotateSigning(deps, WAITS);

    const published = await rotate();
    const tooEarly = await rotate();
    const afterFirst = await states(db);
    await letPass(db, 300);
    const promoted = await rotate();
    const stillTooEarly = await rotate();
    const afterSecond = await states(db);
    await letPass(db, 1_200);
    const retired = await rotate();

    expect([published, promoted, retired].map(({ outcome }) => outcome)).toEqual(["published", "promoted", "retired"]);
    expect([tooEarly, stillTooEarly].map(({ outcome }) => outcome)).toEqual(["early", "early"]);
    expect([afterFirst, afterSecond, await states(db)]).toEqual([
      ["CURRENT", "NEXT"],
      ["RETIRING", "CURRENT"],
      ["RETIRED", "CURRENT"],
    ]);
  });

  test("is on the trail, key by key, without key material", async ({ service, db }) => {
    await rotateSigning(service.deps, WAITS);
    await letPass(db, 300);
    await rotateSigning(service.deps, WAITS);

    const { rows } = await db.pool.query(
      "select source, changes from audit_events where action = 'signing_key.rotated' and source = 'cli' order by id",
    );
    expect(rows).toEqual([
      { source: "cli", changes: { state: { old: null, new: "NEXT" } } },
      { source: "cli", changes: { state: { old: "CURRENT", new: "RETIRING" } } },
      { source: "cli", changes: { state: { old: "NEXT", new: "CURRENT" } } },
    ]);
  });

  test("called five times at once makes one key", async ({ service, db }) => {
    const steps = await Promise.all(Array.from({ length: 5 }, () => rotateSigning(service.deps, WAITS)));

    expect(steps.filter(({ outcome }) => outcome === "published")).toHaveLength(1);
    expect(await states(db)).toEqual(["CURRENT", "NEXT"]);
  });

  test("under load drops no request, and a token of the old key lives until that key is retired", async ({
    service,
    db,
    world,
  }) => {
    const user = await (await world.tenant()).user("owner");
    const subject = { userId: user.id, tenantId: user.tenantId, role: user.role };
    const replicas = await Promise.all([openReplica(service.deps), openReplica(service.deps)]);
    const call = async (replica: Service, token: string) =>
      (await post(replica, "/auth/logout-everywhere", {}, { authorization: `Bearer ${token}` })).status;
    const [first, second] = replicas;
    const old = first.issueAccessToken(subject).token;
    const statuses: number[] = [];
    let loaded = true;
    const load = async (from: (typeof replicas)[number], to: Service): Promise<void> => {
      while (loaded) statuses.push(await call(to, from.issueAccessToken(subject).token));
    };
    const running = [load(first, second), load(second, first)];
    const step = async (outcome: string): Promise<void> => {
      await expect
        .poll(async () => (await rotateSigning(service.deps, { publishSeconds: 0.5, retireSeconds: 0.5 })).outcome, {
          timeout: 20_000,
        })
        .toBe(outcome);
      const seen = statuses.length;
      await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(seen + 20);
    };

    await step("published");
    await step("promoted");
    const whileRetiring = await call(second, old);
    await step("retired");
    loaded = false;
    await Promise.all(running);
    await expect.poll(async () => (await publishedKids(second)).length).toBe(1);
    const afterwards = await call(second, old);
    await Promise.all(replicas.map((replica) => replica.close()));

    expect(new Set(statuses)).toEqual(new Set([200]));
    expect([whileRetiring, afterwards]).toEqual([200, 401]);
    expect(await states(db)).toEqual(["RETIRED", "CURRENT"]);
  });
});

describe("a forced rotation", () => {
  test("ends every other key and the tokens it signed, whatever a rotation had come to", async ({
    service,
    db,
    world,
  }) => {
    const user = await (await world.tenant()).user("owner");
    const replica = await openReplica(service.deps);
    const { token } = replica.issueAccessToken({ userId: user.id, tenantId: user.tenantId, role: user.role });
    await rotateSigning(service.deps, WAITS);

    const { kid, retired } = await replaceSigning(service.deps);

    expect(retired).toHaveLength(1);
    expect(await states(db)).toEqual(["RETIRED", "CURRENT"]);
    await expect.poll(() => publishedKids(replica)).toEqual([kid]);
    const reply = await post(replica, "/auth/logout-everywhere", {}, { authorization: `Bearer ${token}` });
    await replica.close();
    expect([reply.status, reply.code]).toEqual([401, "UNAUTHENTICATED"]);
  });
});

test("the command does a step, refuses the next as too early, and forces it when told to", async ({ db, keys }) => {
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--conditions=@control-plane/source", CLI, ...args],
      {
        env: { ...processEnvironment, DATABASE_URL: db.urlAs("cp_auth"), KEYRING: keys.keyring },
        encoding: "utf8",
      },
    );
    return { status, text: stdout + stderr };
  };

  const replies = [
    run("rotate-signing"),
    run("rotate-signing"),
    run("rotate-signing", "--force"),
    run("rotate-signing", "--now"),
  ];

  expect(replies.map(({ status }) => status)).toEqual([0, 1, 0, 1]);
  expect(replies[0]?.text).toMatch(/^1 of 3: key \S+ is published; in 5 minutes/);
  expect(replies[1]?.text).toMatch(/^too early: call this again in \d+ s/);
  expect(replies[2]?.text).toMatch(/^key \S+ signs from now on\ntokens of \S+ end/);
  expect(await states(db)).toEqual(["RETIRED", "CURRENT"]);
});
