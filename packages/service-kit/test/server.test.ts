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

test("no answer shows a stack, a statement, a file or what was sent, and none is a page [CVE-2026-73084]", async () => {
  const app = await start();
  app.post("/broken", async () => {
    const cause = Object.assign(new Error('column "x" does not exist'), { query: "select x from users" });
    throw new Error("failed in /srv/app/src/store/users.ts: select x from users", { cause });
  });
  const script = "<script>alert(1)</script>";
  const json = { "content-type": "application/json", accept: "text/html", "x-request-id": "r" };
  const send = (url: string, payload: string, headers: Record<string, string> = json) =>
    app.inject({ method: "POST", url, headers, payload });

  const answers = [
    await send("/broken", "{}"),
    await send("/broken", script),
    await send("/broken", script, { ...json, "content-type": "text/html" }),
    await send(`/${script}`, "{}"),
    await send(`/%zz${script}`, "{}"),
    await send("/broken", JSON.stringify(script.repeat(50_000))),
  ];

  expect(answers.map(({ statusCode }) => statusCode)).toEqual([500, 400, 415, 404, 400, 413]);
  for (const { headers, body } of answers) {
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(body).not.toMatch(/script>|select|column|\.ts|\n|stack| at /);
    expect(JSON.parse(body)).toEqual({
      message: expect.any(String),
      extensions: { code: expect.stringMatching(/^[A-Z_]+$/), requestId: "r" },
    });
  }
});

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
