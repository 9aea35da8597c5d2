import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  AppError,
  createLogger,
  createMetrics,
  createServer,
  defineAction,
  defineCron,
  defineEvent,
  registerActions,
  registerEvents,
} from "../src/index.ts";

const USER = "0193b1c0-0000-7000-8000-000000000001";
const TENANT = "0193b1c0-0000-7000-8000-000000000002";

type Deps = { calls: unknown[] };

const greet = defineAction({
  name: "greet",
  access: { kind: "member", roles: ["owner", "admin"] },
  input: z.strictObject({ name: z.string().min(1) }),
  output: z.object({ text: z.string() }),
  async run({ name }, { caller, deps }: { caller: { role: string }; deps: Deps }) {
    deps.calls.push(name);
    if (name === "broken") throw new Error("a bug with a secret inside");
    if (name === "taken") throw new AppError("CONFLICT", "somebody has it", { details: { by: "another" } });
    return { text: `hello ${name}, ${caller.role}` };
  },
});
const hello = defineAction({
  name: "hello",
  access: { kind: "anonymous" },
  input: z.strictObject({}),
  output: z.object({ ok: z.boolean() }),
  run: async () => ({ ok: true }),
});
const liar = defineAction({
  name: "liar",
  access: { kind: "anonymous" },
  input: z.strictObject({}),
  output: z.object({ ok: z.literal(true) }),
  run: async () => JSON.parse('{"ok":"no"}'),
});

const whence = defineAction({
  name: "whence",
  access: { kind: "member", roles: ["owner"] },
  input: z.strictObject({}),
  output: z.object({ tokenSource: z.string().nullable() }),
  run: async (_input, { caller }) => ({ tokenSource: caller.tokenSource ?? null }),
});

let server: FastifyInstance;
let deps: Deps;
let membership: { role: "owner" | "admin" | "builder" | "viewer" } | undefined;
let denied: string[];

beforeEach(async () => {
  deps = { calls: [] };
  membership = { role: "owner" };
  denied = [];
  server = await createServer({
    service: "test",
    log: createLogger({ service: "test", level: "silent" }),
    metrics: createMetrics("test"),
    ready: {},
  });
  registerActions(server, {
    actions: [greet, hello, liar, whence],
    secrets: ["new-secret-0123456789", "old-secret-0123456789"],
    deps,
    findMembership: async () => membership,
    onDenied: async (_caller, name) => void denied.push(name),
  });
  registerEvents(server, {
    events: [
      defineEvent({
        name: "row-changed",
        payload: z.object({ id: z.int() }),
        run: async ({ row }, d: Deps) => void d.calls.push(row),
      }),
    ],
    crons: [
      defineCron({
        name: "tick",
        run: async ({ scheduledTime }, d: Deps) => void d.calls.push(scheduledTime.toISOString()),
      }),
    ],
    secrets: ["event-secret-0123456789"],
    deps,
  });
});
afterEach(() => server.close());

function call(
  name: string,
  input: unknown,
  options: { secret?: string; role?: string; session?: Record<string, string>; envelope?: string } = {},
) {
  return server.inject({
    method: "POST",
    url: `/actions/${name}`,
    headers: { "x-action-secret": options.secret ?? "new-secret-0123456789", "x-request-id": "req-1" },
    payload: {
      action: { name: options.envelope ?? name },
      input,
      session_variables: options.session ?? {
        "x-hasura-user-id": USER,
        "x-hasura-tenant-id": TENANT,
        "x-hasura-role": options.role ?? "owner",
      },
    },
  });
}

describe("an action", () => {
  test("answers a live member with its output", async () => {
    const reply = await call("greet", { name: "Ada" });

    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toEqual({ text: "hello Ada, owner" });
  });

  test("takes every secret of the list, and no other", async () => {
    const old = await call("greet", { name: "Ada" }, { secret: "old-secret-0123456789" });
    const wrong = await call("greet", { name: "Ada" }, { secret: "wrong" });

    expect(old.statusCode).toBe(200);
    expect(wrong.statusCode).toBe(401);
    expect(wrong.json()).toEqual({
      message: "the secret header is missing or wrong",
      extensions: { code: "UNAUTHENTICATED", requestId: "req-1" },
    });
  });

  test("refuses a wrong secret before it reads the body", async () => {
    const reply = await server.inject({
      method: "POST",
      url: "/actions/greet",
      headers: { "content-type": "application/json" },
      payload: "{not json",
    });

    expect(reply.statusCode).toBe(401);
  });

  test("hears that a token was bought with an access key, and takes no other source", async () => {
    const member = { "x-hasura-user-id": USER, "x-hasura-tenant-id": TENANT, "x-hasura-role": "owner" };
    const from = (source: string) => call("whence", {}, { session: { ...member, "x-hasura-token-source": source } });

    const own = await call("whence", {});
    const bought = await from("access-key");
    const unknown = await from("elsewhere");

    expect(own.json()).toEqual({ tokenSource: null });
    expect(bought.json()).toEqual({ tokenSource: "access-key" });
    expect(unknown.json()).toMatchObject({ extensions: { code: "FORBIDDEN" } });
  });

  test("says where the input is wrong", async () => {
    const reply = await call("greet", { name: "" });

    expect(reply.statusCode).toBe(400);
    expect(reply.json().extensions).toMatchObject({ code: "BAD_INPUT", issues: [{ path: "name" }] });
    expect(deps.calls).toEqual([]);
  });

  test("refuses a role outside its list, and reports that", async () => {
    membership = { role: "viewer" };

    const reply = await call("greet", { name: "Ada" }, { role: "viewer" });

    expect(reply.statusCode).toBe(403);
    expect(denied).toEqual(["greet"]);
    expect(deps.calls).toEqual([]);
  });

  test("refuses a member who was removed or demoted since the token was made", async () => {
    membership = undefined;
    const removed = await call("greet", { name: "Ada" });
    membership = { role: "builder" };
    const demoted = await call("greet", { name: "Ada" });

    expect([removed.statusCode, demoted.statusCode]).toEqual([403, 403]);
    expect(deps.calls).toEqual([]);
  });

  test("never takes Hasura's admin for a member", async () => {
    const reply = await call("greet", { name: "Ada" }, { role: "admin" });

    expect(reply.statusCode).toBe(403);
  });

  test("reads no session variables for an anonymous one", async () => {
    membership = undefined;

    const reply = await call("hello", {}, { session: { "x-hasura-user-id": "anything" } });

    expect(reply.json()).toEqual({ ok: true });
  });

  test("hands a refusal through with code and details, as a 4xx", async () => {
    const reply = await call("greet", { name: "taken" });

    expect(reply.statusCode).toBe(409);
    expect(reply.json()).toEqual({
      message: "somebody has it",
      extensions: { code: "CONFLICT", requestId: "req-1", by: "another" },
    });
  });

  test("says nothing about a fault of ours", async () => {
    const reply = await call("greet", { name: "broken" });

    expect(reply.statusCode).toBe(500);
    expect(reply.json()).toEqual({ message: "internal error", extensions: { code: "INTERNAL", requestId: "req-1" } });
  });

  test("fails when its output breaks the contract", async () => {
    expect((await call("liar", {})).statusCode).toBe(500);
  });

  test("refuses an envelope that names another action", async () => {
    expect((await call("greet", { name: "Ada" }, { envelope: "hello" })).statusCode).toBe(400);
  });

  test("refuses bad JSON, large bodies and unknown paths as 4xx in the one form", async () => {
    const headers = { "x-action-secret": "new-secret-0123456789", "content-type": "application/json" };
    const bad = await server.inject({ method: "POST", url: "/actions/greet", headers, payload: "{" });
    const large = await server.inject({
      method: "POST",
      url: "/actions/greet",
      headers,
      payload: `"${"x".repeat(4_200_000)}"`,
    });
    const unknown = await server.inject({ method: "POST", url: "/actions/nothing", headers, payload: "{}" });

    expect([bad, large, unknown].map(({ statusCode }) => statusCode)).toEqual([400, 413, 404]);
    for (const reply of [bad, large, unknown])
      expect(reply.json()).toMatchObject({
        message: expect.any(String),
        extensions: { code: expect.stringMatching(/^[A-Z_]+$/), requestId: expect.any(String) },
      });
  });
});

describe("event and cron endpoints", () => {
  const headers = { "x-event-secret": "event-secret-0123456789" };

  test("run once their delivery is parsed", async () => {
    const event = await server.inject({
      method: "POST",
      url: "/events/row-changed",
      headers,
      payload: { id: "e1", event: { op: "UPDATE", data: { old: null, new: { id: 7 } } } },
    });
    const cron = await server.inject({
      method: "POST",
      url: "/crons/tick",
      headers,
      payload: { id: "c1", scheduled_time: "2026-01-01T00:00:00Z" },
    });

    expect([event.statusCode, cron.statusCode]).toEqual([200, 200]);
    expect(deps.calls).toEqual([{ id: 7 }, "2026-01-01T00:00:00.000Z"]);
  });

  test("refuse a missing secret and a payload that does not fit", async () => {
    const noSecret = await server.inject({
      method: "POST",
      url: "/crons/tick",
      payload: { id: "c1", scheduled_time: "2026-01-01T00:00:00Z" },
    });
    const unfit = await server.inject({
      method: "POST",
      url: "/events/row-changed",
      headers,
      payload: { id: "e1", event: { op: "UPDATE", data: { old: null, new: {} } } },
    });

    expect([noSecret.statusCode, unfit.statusCode]).toEqual([401, 400]);
    expect(deps.calls).toEqual([]);
  });
});
