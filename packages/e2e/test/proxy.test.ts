import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { type ReverseProxy, startProxy } from "@control-plane/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openRecorder, type Recorder, valuesOf } from "./proxy/recorder.ts";
import { refusalOf, type Sent, send, sendOverHttp2 } from "./proxy/through-proxy.ts";

// The deployed Caddyfile in a real Caddy, in front of servers that keep what reaches them.

let proxy: ReverseProxy;
let stateDir: string;
const recorders: Recorder[] = [];
const services = ["webhookGateway", "authActions", "hasura"] as const;

const recorderOf = (service: (typeof services)[number]): Recorder => {
  const found = recorders[services.indexOf(service)];
  if (found === undefined) throw new Error(`${service} has no recorder`);
  return found;
};
const addressOf = (service: (typeof services)[number]): string[] => [recorderOf(service).address];
const reached = (): string[] => services.filter((service) => recorderOf(service).passed.length > 0);

async function startWith(requestTimeout: string, folder: string): Promise<ReverseProxy> {
  return startProxy({
    stateDir: join(stateDir, folder),
    upstreams: {
      webhookGateway: addressOf("webhookGateway"),
      authActions: addressOf("authActions"),
      hasura: addressOf("hasura"),
    },
    requestTimeout,
    log: () => {},
  });
}

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "cp-proxy-"));
  for (const _service of services) recorders.push(await openRecorder());
  proxy = await startWith("30s", "patient");
});
afterAll(async () => {
  await proxy?.stop();
  for (const recorder of recorders) await recorder.close();
  await rm(stateDir, { recursive: true, force: true });
});

/** Sends, and says whom it reached. */
async function reach(path: string, sent: Sent = {}) {
  for (const recorder of recorders) recorder.passed.length = 0;
  const reply = await send(proxy, path, sent);
  return { reply, reached: reached() };
}

test.each([
  ["/hooks/AAAAAAAAAAAAAAAAAAAAAA", "webhookGateway"],
  ["/auth/login", "authActions"],
  ["/auth/invitations/accept", "authActions"],
  ["/.well-known/jwks.json", "authActions"],
  ["/v1/graphql", "hasura"],
])("%s reaches %s alone", async (path, service) => {
  const { reply, reached } = await reach(path);

  expect([reply.status, reached]).toEqual([200, [service]]);
});

test.each([
  ...[
    "/",
    "/index.html",
    "/actions/login",
    "/events/run-finished",
    "/crons/tick",
    "/ops/runs",
    "/metrics",
    "/ready",
    "/live",
  ],
  ...["/runner/v1/runs/00000000-0000-7000-8000-000000000000/claim", "/graphql", "/hooks", "/auth", "/.well-known/x"],
  ...["/v1/metadata", "/v1/query", "/v2/query", "/v1/version", "/v1/relay", "/v1beta1/relay", "/v1alpha1/graphql"],
  ...["/v1alpha1/pg_dump", "/v1/graphql/", "/v1/graphql/explain", "/healthz", "/console", "/dev/ekg", "/api/rest/x"],
  // What one side reads as a public path and the other as a hidden one.
  ...[
    "/hooks/../v1/metadata",
    "/hooks/./x",
    "//hooks/x",
    "/hooks//x",
    "/auth/..",
    "/hooks/%2e%2e/metrics",
    "/%68ooks/x",
  ],
  ...[
    "/runner/v1/runs/..%2f..%2f..%2fauth%2fx/credentials",
    "/actions%2f..%2fauth%2fx",
    "/auth/%2e%2e%2factions/login",
  ],
  ...["/metrics/../auth/login", "/hooks/..\\metrics", "/auth\\..\\metrics"],
])("%s reaches nobody", async (path) => {
  const { reply, reached } = await reach(path);

  expect([refusalOf(reply), reached]).toEqual(["404 NOT_FOUND", []]);
});

test("bytes, target and repeated headers arrive as they were sent", async () => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_value, byte) => byte));
  const pieces = [everyByte, Buffer.from("\r\n0\r\n\r\n"), everyByte.subarray(100), Buffer.from('{"a": 1.0e2 }\n')];
  const headers = { "x-hub-signature-256": ["sha256=one", "sha256=two"], "content-type": 'application/json; x="y"' };

  await reach("/hooks/AAAA?a=1;b=%zz&c=+&c", { body: pieces, headers });

  const [passed] = recorderOf("webhookGateway").passed;
  if (passed === undefined) throw new Error("nothing arrived");
  expect(passed.body.equals(Buffer.concat(pieces))).toBe(true);
  expect(passed.target).toBe("/hooks/AAAA?a=1;b=%zz&c=+&c");
  expect(valuesOf(passed, "x-hub-signature-256")).toEqual(["sha256=one", "sha256=two"]);
  expect(valuesOf(passed, "content-type")).toEqual(['application/json; x="y"']);
});

test("over HTTP/2, as browsers come, the same bytes arrive", async () => {
  const body = Buffer.from([0, 255, 13, 10, 123]);
  recorderOf("webhookGateway").passed.length = 0;

  const status = await sendOverHttp2(proxy, "/hooks/AAAA", { "webhook-id": "msg_1" }, body);

  const [passed] = recorderOf("webhookGateway").passed;
  if (passed === undefined) throw new Error("nothing arrived");
  expect([status, passed.body.equals(body), valuesOf(passed, "webhook-id")]).toEqual([200, true, ["msg_1"]]);
});

test("Hasura's secret headers stay outside, and the client's address is the one it really has", async () => {
  const headers = {
    "X-Hasura-Admin-Secret": "a leaked one",
    "x-hasura-access-key": "its older name",
    "x-hasura-role": "owner",
    "X-Forwarded-For": "198.51.100.7, 203.0.113.9",
    "x-forwarded-host": "elsewhere.example",
    "x-forwarded-proto": "http",
  };

  for (const path of ["/v1/graphql", "/hooks/AAAA", "/auth/login"])
    await send(proxy, path, { headers, from: "127.0.0.2" });

  for (const recorder of recorders) {
    const passed = recorder.passed.at(-1);
    if (passed === undefined) throw new Error("nothing arrived");
    const values = Object.fromEntries(
      [...Object.keys(headers), "x-request-id"].map((name) => [
        name.toLowerCase(),
        valuesOf(passed, name.toLowerCase()),
      ]),
    );
    expect(values).toEqual({
      "x-hasura-admin-secret": [],
      "x-hasura-access-key": [],
      "x-hasura-role": ["owner"],
      "x-forwarded-for": ["127.0.0.2"],
      "x-forwarded-host": [new URL(proxy.url).host],
      "x-forwarded-proto": ["https"],
      "x-request-id": [expect.stringMatching(/^[0-9a-f-]{36}$/)],
    });
  }
});

const tooLarge = Buffer.alloc(4 * 1024 * 1024 + 1, "a");
test.each([
  ["/hooks/AAAA", tooLarge],
  ["/auth/login", tooLarge],
  ["/v1/graphql", tooLarge],
  ["/v1/graphql", [tooLarge.subarray(0, 3_000_000), tooLarge.subarray(3_000_000)]],
])("more than 4 MiB for %s is refused in our form, and the connection ends", async (path, body) => {
  const { reply, reached } = await reach(path, { body });

  expect([refusalOf(reply), reply.headers.connection, reached]).toEqual(["413 PAYLOAD_TOO_LARGE", "close", []]);
});

test("answers of the API are compressed for who asks for it, others are not", async () => {
  const encodings = { "accept-encoding": "gzip" };
  const plain = await send(proxy, "/v1/graphql");
  const zipped = await send(proxy, "/v1/graphql", { headers: encodings });
  const zstd = await send(proxy, "/v1/graphql", { headers: { "accept-encoding": "gzip, zstd" } });
  const hook = await send(proxy, "/hooks/AAAA", { headers: encodings });

  expect(zipped.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
  expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
  expect(zstd.headers["content-encoding"]).toBe("zstd");
  expect(zstdDecompressSync(zstd.body).equals(plain.body)).toBe(true);
  expect([plain.headers["content-encoding"], hook.headers["content-encoding"]]).toEqual([undefined, undefined]);
});

test("a body that never ends is cut off", async () => {
  const hasty = await startWith("1s", "hasty");
  try {
    const body = Buffer.from("a beginning");
    const headers = { "content-length": 1_000 };
    const replies = await Promise.allSettled([
      send(hasty, "/hooks/AAAA", { body, headers, unfinished: true }),
      send(hasty, "/v1/graphql", { body: [body], unfinished: true }),
    ]);

    // Whether an answer still gets through is up to who notices first.
    const refused = (reply: PromiseSettledResult<{ status: number }>) =>
      reply.status === "rejected" || reply.value.status >= 400;
    expect(replies.map(refused)).toEqual([true, true]);
  } finally {
    await hasty.stop();
  }
});

test("the log knows a request by route and id, not by its path or headers", async () => {
  const path = "/hooks/half-of-a-secret";
  const { reply } = await reach(path, { headers: { "webhook-signature": "v1,the-other-half" } });
  await send(proxy, "/hook/half-of-a-secret");
  await send(proxy, "/%68ooks/half-of-a-secret");

  await expect.poll(() => readFile(proxy.logFile, "utf8")).toMatch(/"status":404(?!.*"route").*\n.*"status":404/);
  const text = await readFile(proxy.logFile, "utf8");
  expect(reply.status).toBe(200);
  expect(text).toMatch(/"status":200.*"route":"hooks"/);
  expect(text).not.toMatch(/half-of-a-secret|the-other-half/);
});

// Last: from here on a service is away.
test("a service that is away is 503 with a time to come again, and its error is logged without the path", async () => {
  await recorderOf("webhookGateway").close();

  const reply = await send(proxy, "/hooks/half-of-a-secret");

  expect([refusalOf(reply), reply.headers["retry-after"]]).toEqual(["503 UNAVAILABLE", "5"]);
  await expect.poll(() => readFile(proxy.logFile, "utf8")).toMatch(/"status":503/);
  expect(await readFile(proxy.logFile, "utf8")).not.toContain("half-of-a-secret");
});
