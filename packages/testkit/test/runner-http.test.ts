import { randomUUID } from "node:crypto";
import { describe, expect, onTestFinished } from "vitest";
import { openHttpDouble } from "../src/http-double.ts";
import { type DoubleAnswer, type HttpDouble, type NumberedEvent, test } from "../src/index.ts";
import { type StandInStep, standInForOrchestrator } from "./orchestrator-stand-in.ts";

const json = { "content-type": "application/json" };
const CONNECTION = "019a0000-0000-7000-8000-00000000c0de";

/** An API on loopback. */
async function openApi(answer: Parameters<HttpDouble["answer"]>[0] = {}): Promise<HttpDouble> {
  const api = await openHttpDouble();
  onTestFinished(() => api.close());
  api.answer(answer);
  return api;
}

function allow(...apis: readonly HttpDouble[]) {
  return { egressAllow: apis.map(({ url }) => new URL(url).host).join(",") };
}

function call(api: HttpDouble, over: Partial<StandInStep> = {}): StandInStep {
  const request = { method: "GET", path: "/" };
  return { key: "call", action: "shop.thing", request, baseUrl: api.url, allowedHosts: ["127.0.0.1"], ...over };
}

function granted(over: Record<string, unknown> = {}): DoubleAnswer {
  const headers = { authorization: "Bearer abc-s3cret" };
  const body = { connectionId: CONNECTION, authType: "BEARER", headers, query: {}, allowedHosts: ["127.0.0.1"] };
  return { body: { ...body, expiresAt: null, ...over } };
}

function outputOf(events: readonly NumberedEvent[]): unknown {
  return events.find((event) => event.type === "step.succeeded");
}

function errorOf(events: readonly NumberedEvent[]) {
  const event = events.find(({ type }) => type === "step.failed");
  return event?.type === "step.failed" ? event.error : undefined;
}

describe("http.request", () => {
  test("sends the request with idempotency key and trace, and gives status, headers and body", async ({
    http,
    runner,
  }) => {
    const api = await openApi({ status: 201, headers: { ...json, etag: '"1"', "x-other": "x" }, body: { id: 7 } });
    const input = {
      method: "POST",
      url: `${api.url}/things`,
      headers: { "X-Mine": 1, "Idempotency-Key": "mine" },
      body: { n: 1 },
    };
    const events = standInForOrchestrator(http, { steps: [{ key: "call", action: "http.request", input }] });
    runner.connect(http.url, "token");
    const attempt = await runner.claim(randomUUID());

    await runner.execute(attempt, allow(api));

    expect(api.requests).toMatchObject([{ method: "POST", path: "/things", body: '{"n":1}' }]);
    expect(api.requests[0]?.headers).toMatchObject({
      "x-mine": "1",
      "idempotency-key": `${attempt.lease.runId}:call`,
      "content-type": "application/json",
      traceparent: expect.stringMatching(/^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$/),
    });
    expect(outputOf(events)).toMatchObject({
      output: { status: 201, headers: { "content-type": "application/json", etag: '"1"' }, body: { id: 7 } },
    });
  });

  test("calls nothing inside", async ({ http, runner }) => {
    const api = await openApi();
    const events = standInForOrchestrator(http, {
      steps: [{ key: "call", action: "http.request", input: { url: api.url } }],
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()));

    expect(errorOf(events)).toMatchObject({ code: "PORT_NOT_ALLOWED", retryable: false });
    expect(api.requests).toEqual([]);
  });

  test.for([
    ["application/json", '\ufeff{"a":[1,2.5,null]}', { a: [1, 2.5, null] }],
    ["application/problem+json; charset=utf-8", '"x"', "x"],
    ["application/json", "{broken", "{broken"],
    ["application/json", "[1e1000]", "[1e1000]"],
    ["application/json", '{"a\\u0000":"\\ud800"}', { "a\ufffd": "\ufffd" }],
    ["application/json", `${"[".repeat(101)}${"]".repeat(101)}`, `${"[".repeat(101)}${"]".repeat(101)}`],
    ["application/json", "", ""],
    ["text/plain", '{"a":1}', '{"a":1}'],
  ] as const)("reads a body of %s: %s", async ([kind, body, expected], { http, runner }) => {
    const api = await openApi({ headers: { "content-type": kind }, body });
    const events = standInForOrchestrator(http, {
      steps: [{ key: "call", action: "http.request", input: { url: api.url } }],
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(outputOf(events)).toMatchObject({ output: { body: expected } });
  });

  test.for([
    [404, {}, { retryable: false }],
    [304, {}, { retryable: false }],
    [400, { "retry-after": "7" }, { retryable: false }],
    [408, {}, { retryable: true }],
    [429, { "retry-after": "7" }, { retryable: true, retryAfterSeconds: 7 }],
    [503, { "retry-after": "999999999" }, { retryable: true, retryAfterSeconds: 86_400 }],
    [503, { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, { retryable: true, retryAfterSeconds: 0 }],
    [500, { "retry-after": "soon" }, { retryable: true }],
  ] as const)("fails on %i with %j", async ([status, headers, expected], { http, runner }) => {
    const api = await openApi({ status, headers });
    const events = standInForOrchestrator(http, {
      steps: [{ key: "call", action: "http.request", input: { url: api.url } }],
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(errorOf(events)).toEqual({ code: `HTTP_${status}`, message: expect.any(String), ...expected });
  });
});

describe("a declarative request", () => {
  test("is filled from the input alone", async ({ http, runner }) => {
    const api = await openApi();
    const request = {
      method: "POST",
      path: "/repos/{owner}/{number}/issues?fixed=1",
      query: {
        q: { $ref: "/input/text" },
        many: { $ref: "/input/list" },
        none: { $ref: "/input/no", default: null },
        o: { $literal: { a: 1 } },
      },
      headers: { "X-Text": { $text: ["n=", { $ref: "/input/number" }] }, "X-None": null },
      body: { title: { $ref: "/input/text" }, deep: [{ $ref: "/input/list/1" }] },
    };
    const input = { owner: "a/b ?#%.ü", number: 5, text: "x&y=ü z", list: ["p", true] };
    standInForOrchestrator(http, { steps: [call(api, { request, input, baseUrl: `${api.url}/v1/` })] });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(api.requests[0]?.path).toBe(
      "/v1/repos/a%2Fb%20%3F%23%25.%C3%BC/5/issues?fixed=1&q=x%26y%3D%C3%BC%20z&many=p&many=true&o=%7B%22a%22%3A1%7D",
    );
    expect(JSON.parse(api.requests[0]?.body ?? "")).toEqual({ title: "x&y=ü z", deep: [true] });
    expect(api.requests[0]?.headers).toMatchObject({ "x-text": "n=5" });
    expect(api.requests[0]?.headers).not.toHaveProperty("x-none");
  });

  test.for([
    ["/repos/{a}/x", { a: ".." }, "INPUT_INVALID"],
    ["/repos/.{a}/x", { a: "." }, "INPUT_INVALID"],
    ["/repos/{a}", { a: "" }, "INPUT_INVALID"],
    ["/repos/{a}", {}, "INPUT_INVALID"],
    ["/repos/{toString}", {}, "INPUT_INVALID"],
    ["/repos/{a}", { a: ["x"] }, "INPUT_INVALID"],
    ["@evil.example/", {}, "DEFINITION_INVALID"],
  ] as const)("with the path %s and %j is not sent", async ([path, input, code], { http, runner }) => {
    const api = await openApi();
    const events = standInForOrchestrator(http, { steps: [call(api, { request: { method: "DELETE", path }, input })] });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(errorOf(events)).toMatchObject({ code, retryable: false });
    expect(api.requests).toEqual([]);
  });
});

describe("a credential", () => {
  test("is fetched once when first needed, with lease token and attempt, and attached", async ({ http, runner }) => {
    const api = await openApi();
    const events = standInForOrchestrator(http, {
      steps: [
        { key: "plain", action: "core.echo" },
        call(api, { key: "one", connectionId: CONNECTION }),
        call(api, { key: "two", connectionId: CONNECTION }),
      ],
      credential: () => granted({ query: { key: "k3y-value" } }),
    });
    runner.connect(http.url, "token");
    const attempt = await runner.claim(randomUUID());

    await runner.execute(attempt, allow(api));

    const reads = http.requests.filter(({ path }) => path.endsWith("/credentials"));
    expect(reads.map(({ headers, body }) => [headers.authorization, JSON.parse(body)])).toEqual([
      [`Bearer ${attempt.lease.leaseToken}`, { attempt: 1, connectionId: CONNECTION }],
    ]);
    expect(api.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ["/?key=k3y-value", "Bearer abc-s3cret"],
      ["/?key=k3y-value", "Bearer abc-s3cret"],
    ]);
    expect(events.at(-1)).toMatchObject({ type: "run.succeeded" });
  });

  test("is fetched anew when it has expired", async ({ http, runner }) => {
    const api = await openApi();
    standInForOrchestrator(http, {
      steps: [call(api, { key: "one", connectionId: CONNECTION }), call(api, { key: "two", connectionId: CONNECTION })],
      credential: () => granted({ expiresAt: "2026-01-01T00:00:00Z" }),
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(http.requests.filter(({ path }) => path.endsWith("/credentials"))).toHaveLength(2);
  });

  test("does not go to a host that its own app version does not allow", async ({ http, runner }) => {
    const api = await openApi();
    const events = standInForOrchestrator(http, {
      steps: [call(api, { connectionId: CONNECTION, allowedHosts: ["*"] })],
      credential: () => granted({ allowedHosts: ["*"] }),
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(errorOf(events)).toMatchObject({ code: "HOST_NOT_ALLOWED" });
    expect(api.requests).toEqual([]);
  });

  test("stays behind when a redirect leads to another port", async ({ http, runner }) => {
    const other = await openApi();
    const api = await openApi({ status: 302, headers: { location: other.url } });
    standInForOrchestrator(http, { steps: [call(api, { connectionId: CONNECTION })], credential: () => granted() });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api, other));

    expect(api.requests[0]?.headers).toHaveProperty("authorization");
    expect(other.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  test("that an answer repeats is hidden in outputs, later inputs and errors", async ({ http, runner }) => {
    const secret = "s3cret/tök en+%";
    const basic = Buffer.from(`user:${secret}`).toString("base64");
    const forms = [secret, basic, Buffer.from(secret).toString("base64"), encodeURIComponent(secret)];
    const api = await openApi(({ path }) => ({ status: path === "/fail" ? 500 : 200, headers: json, body: { forms } }));
    const events = standInForOrchestrator(http, {
      steps: [
        call(api, { key: "one", connectionId: CONNECTION }),
        { key: "leak", action: "core.echo", input: { $ref: "/steps/one/output" } },
        call(api, { key: "two", connectionId: CONNECTION, request: { method: "GET", path: "/fail" } }),
      ],
      credential: () => granted({ authType: "BASIC", headers: { authorization: `Basic ${basic}` } }),
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    const written = JSON.stringify(events);
    expect(errorOf(events)).toMatchObject({ code: "HTTP_500" });
    expect(written).toContain("•••");
    for (const form of forms) expect(written).not.toContain(form);
  });

  test.for([
    ["TOKEN", "CONNECT_REFUSED", true],
    ["TOKEN", "TOKEN_REJECTED", false],
    ["DECRYPT", "DECRYPT_FAILED", false],
  ] as const)(
    "that is not to be had, %s %s, fails the step; retryable: %s",
    async ([stage, cause, retryable], { http, runner }) => {
      const api = await openApi();
      const events = standInForOrchestrator(http, {
        steps: [call(api, { connectionId: CONNECTION })],
        credential: () => ({
          status: 409,
          body: { message: "no", extensions: { code: "CREDENTIAL_UNAVAILABLE", stage, cause } },
        }),
      });
      runner.connect(http.url, "token");

      await runner.execute(await runner.claim(randomUUID()), allow(api));

      expect(errorOf(events)).toMatchObject({ code: "CREDENTIAL_UNAVAILABLE", retryable });
      expect(api.requests).toEqual([]);
    },
  );

  test("is asked for again while nobody answers", async ({ http, runner }) => {
    const api = await openApi();
    let asked = 0;
    const events = standInForOrchestrator(http, {
      steps: [call(api, { connectionId: CONNECTION })],
      credential: () => {
        asked += 1;
        return asked === 1 ? { status: 503 } : granted();
      },
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(events.at(-1)).toMatchObject({ type: "run.succeeded" });
  });

  test("that the attempt may not read any more ends it without another word", async ({ http, runner }) => {
    const api = await openApi();
    const events = standInForOrchestrator(http, {
      steps: [call(api, { connectionId: CONNECTION })],
      credential: () => ({ status: 409, body: { message: "no", extensions: { code: "STALE_ATTEMPT" } } }),
    });
    runner.connect(http.url, "token");

    await runner.execute(await runner.claim(randomUUID()), allow(api));

    expect(events.map(({ type }) => type)).toEqual(["step.started"]);
  });
});
