import { Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import {
  configReference,
  createLogger,
  createMetrics,
  createServer,
  currentTrace,
  ERROR_CODES,
  hasuraRole,
  httpConfig,
  keyProblems,
  newTraceparent,
  parseTraceparent,
  renderErrorsPage,
  runWithTrace,
  secretMatches,
} from "../src/index.ts";

let server: FastifyInstance | undefined;
afterEach(async () => server?.close());

async function start(ready: Record<string, () => Promise<void>> = {}): Promise<FastifyInstance> {
  server = await createServer({
    service: "test",
    log: createLogger({ service: "test", level: "silent" }),
    metrics: createMetrics("test"),
    ready,
  });
  return server;
}

test("live answers, ready tells which store does not, without saying why", async () => {
  const app = await start({
    good: async () => {},
    bad: async () => {
      throw new Error("password authentication failed for secret-user");
    },
  });

  const live = await app.inject("/live");
  const ready = await app.inject("/ready");

  expect(live.json()).toEqual({ status: "live", processId: process.pid });
  expect(ready.statusCode).toBe(503);
  expect(ready.json()).toEqual({ status: "not ready", failed: ["bad"] });
});

test("a store that hangs counts as not ready", async () => {
  const app = await start({ hanging: () => new Promise(() => {}) });

  expect((await app.inject("/ready")).json()).toEqual({ status: "not ready", failed: ["hanging"] });
});

test("a well-formed request id is kept, another is replaced", async () => {
  const app = await start();

  const kept = await app.inject({ url: "/live", headers: { "x-request-id": "abc-1" } });
  const replaced = await app.inject({ url: "/live", headers: { "x-request-id": "a b\tc" } });

  expect(kept.headers["x-request-id"]).toBe("abc-1");
  expect(replaced.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(kept.headers["x-content-type-options"]).toBe("nosniff");
});

test("a trace is continued when well-formed, else started", async () => {
  const app = await start();
  app.get("/trace", async () => currentTrace());
  const traceparent = newTraceparent();

  const continued = await app.inject({ url: "/trace", headers: { traceparent } });
  const started = await app.inject({ url: "/trace", headers: { traceparent: "00-zzz" } });

  expect(continued.json()).toEqual({ traceparent, traceId: traceparent.slice(3, 35) });
  expect(parseTraceparent(started.json().traceparent)).toBeDefined();
});

test("all-zero trace ids are not valid", () => {
  expect(parseTraceparent(`00-${"0".repeat(32)}-${"1".repeat(16)}-01`)).toBeUndefined();
  expect(parseTraceparent(`00-${"1".repeat(32)}-${"0".repeat(16)}-01`)).toBeUndefined();
  expect(runWithTrace(undefined, () => currentTrace())).toBeDefined();
});

test.each(["with its length announced", "in chunks"])(
  "a body that is too large, %s, is answered with 413",
  async (how) => {
    const app = await start();
    app.post("/things", async () => ({}));
    const url = `${await app.listen({ host: "127.0.0.1", port: 0 })}/things`;
    const body = Buffer.from(JSON.stringify("x".repeat(5_000_000)));

    const reply = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      ...(how === "in chunks" ? { body: new Blob([body]).stream(), duplex: "half" } : { body }),
    });

    expect(reply.status).toBe(413);
    expect(await reply.json()).toMatchObject({ extensions: { code: "PAYLOAD_TOO_LARGE" } });
  },
);

test("metrics count requests by route pattern, never by path", async () => {
  const app = await start();
  app.get("/things/:id", async () => ({}));
  await app.inject("/things/secret-id");

  const { payload } = await app.inject("/metrics");

  expect(payload).toContain('route="/things/:id"');
  expect(payload).not.toContain("secret-id");
});

test("secrets are compared whole, and an empty one never matches", () => {
  expect(secretMatches("abc", ["abc"])).toBe(true);
  expect(secretMatches("abcd", ["abc"])).toBe(false);
  expect(secretMatches(undefined, ["abc"])).toBe(false);
  expect(secretMatches("", [""])).toBe(false);
});

test("secret headers are not logged", () => {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const log = createLogger({ service: "test", level: "info", destination });

  log.info({ headers: { authorization: "Bearer abc", "x-action-secret": "abc", accept: "x" } }, "seen");

  expect(lines.join()).not.toContain("abc");
  expect(lines.join()).toContain('"accept":"x"');
});

test("the word admin never becomes a Hasura role", () => {
  expect((["owner", "admin", "builder", "viewer"] as const).map(hasuraRole)).toEqual([
    "owner",
    "tenant_admin",
    "builder",
    "viewer",
  ]);
});

test("every error code is UPPER_SNAKE with one status, and on the page", () => {
  const page = renderErrorsPage();

  for (const [code, { status }] of Object.entries(ERROR_CODES)) {
    expect(code).toMatch(/^[A-Z][A-Z_]+$/);
    expect(page).toContain(`| \`${code}\` | ${status} |`);
  }
});

test("the reference tells required from default", () => {
  const entries = configReference(z.object({ ...httpConfig }));

  expect(entries.find(({ name }) => name === "PORT")).toMatchObject({ required: true });
  expect(entries.find(({ name }) => name === "HOST")).toMatchObject({ required: false, defaultText: "127.0.0.1" });
  for (const { description } of entries) expect(description).not.toBe("");
});

test("a key provider's missing settings are named", () => {
  expect(keyProblems({}).map(({ name }) => name)).toEqual(["KEYRING or KEYRING_FILE"]);
  expect(keyProblems({ KEY_PROVIDER: "vault", VAULT_ADDR: "http://x" }).map(({ name }) => name)).toEqual([
    "VAULT_TRANSIT_KEY",
    "VAULT_TOKEN or VAULT_TOKEN_FILE",
  ]);
  expect(keyProblems({ KEYRING: "{}" })).toEqual([]);
});
