import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect } from "vitest";
import { readAnswer, send, sign, test } from "./service.ts";

test.for<[string, string, string, number, string]>([
  ["malformed JSON", "application/json", '{"a":', 400, "BODY_NOT_JSON"],
  ["two JSON values", "application/json", "{}{}", 400, "BODY_NOT_JSON"],
  ["nothing but a byte order mark", "application/json", "\ufeff", 400, "BODY_NOT_JSON"],
  ["a byte order mark inside", "application/json", "{\ufeff}", 400, "BODY_NOT_JSON"],
  ["two byte order marks", "application/json", "\ufeff\ufeff{}", 400, "BODY_NOT_JSON"],
  ["U+0000", "application/json", '"a\\u0000"', 400, "BODY_NOT_STORABLE"],
  ["U+0000 in a key", "application/json", '{"a\\u0000":1}', 400, "BODY_NOT_STORABLE"],
  ["a lone surrogate", "application/json", '"\\ud800"', 400, "BODY_NOT_STORABLE"],
  ["501 levels", "application/json", "[".repeat(501) + "]".repeat(501), 400, "BODY_NOT_STORABLE"],
  ["100,000 levels", "application/json", "[".repeat(100_000) + "]".repeat(100_000), 400, "BODY_NOT_STORABLE"],
  ["a number that PostgreSQL refuses", "application/json", "1".repeat(140_000), 400, "BODY_NOT_STORABLE"],
  ["a number that no double holds", "application/json", "[1E+131071]", 400, "BODY_NOT_STORABLE"],
  ["a fraction too small for any reader", "application/json", '{"a":-0.1e-16383}', 400, "BODY_NOT_STORABLE"],
  ["numbers huge when written out", "application/json", `[${"1e300,".repeat(4_000)}1]`, 400, "BODY_NOT_STORABLE"],
  ["U+0000 in a form", "application/x-www-form-urlencoded", "a=%00", 400, "BODY_NOT_STORABLE"],
])("%s is refused and writes nothing", async ([, type, body, status, code], { service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  const answer = await send(service, hook, body, { headers: { "content-type": type } });

  expect([answer.status, answer.code]).toEqual([status, code]);
  expect(await acme.runs()).toEqual([]);
  expect((await send(service, hook, "{}")).status).toBe(202);
});

test("what is no HTTP is refused in the one shape", async ({ service }) => {
  const base = await service.server.listen({ host: "127.0.0.1", port: 0 });

  const answer = await raw(base, ["POST /hooks/secret-address HTTP/1.1\r\nhost: h\r\nbad header\r\n\r\n"]);

  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toMatch(/^HTTP\/1\.1 400 /);
  expect(readAnswer(400, {}, body).code).toBe("BAD_INPUT");
  expect(answer).not.toContain("secret-address");
});

test("bytes that are no UTF-8 are no JSON", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  const answer = await send(service, hook, Buffer.from([0x22, 0xff, 0x22]));

  expect([answer.status, answer.code]).toEqual([400, "BODY_NOT_JSON"]);
});

test("one body that PostgreSQL refuses does not cost the others of its batch", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const bodies = Array.from({ length: 60 }, (_, index) => (index === 30 ? "1".repeat(140_000) : String(index)));

  const answers = await Promise.all(bodies.map((body) => send(service, hook, body)));

  expect(answers.filter(({ status }) => status === 202)).toHaveLength(59);
  expect(answers[30]?.code).toBe("BODY_NOT_STORABLE");
  expect(await acme.runs()).toHaveLength(59);
});

test("numbers keep their digits and exponents, also beside text that looks like one", async ({
  service,
  world,
  addHook,
  db,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  const answer = await send(service, hook, '{"id":12345678901234567890,"e":[1e300,-2.5E-7,0.1],"t":"1e999999"}');

  expect(answer.status).toBe(202);
  const { rows } = await db.pool.query(
    "select input ->> 'id' as id, input -> 'e' ->> 1 as e, input ->> 't' as t from workflow_runs",
  );
  expect(rows).toEqual([{ id: "12345678901234567890", e: "-0.00000025", t: "1e999999" }]);
});

test("the largest body is taken, one byte more is not", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const largest = JSON.stringify("x".repeat(1_048_576 - 2));

  const statuses = [await send(service, hook, largest), await send(service, hook, `${largest} `)];

  expect(statuses.map(({ status, code }) => [status, code])).toEqual([
    [202, undefined],
    [413, "PAYLOAD_TOO_LARGE"],
  ]);
});

test("a body that grows beyond the limit of inputs on its way to JSON is too large", async ({
  service,
  world,
  addHook,
}) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const asBytes = { headers: { "content-type": "application/octet-stream" } };
  const asForm = { headers: { "content-type": "application/x-www-form-urlencoded" } };

  const answers = [
    await send(service, hook, Buffer.alloc(1_048_576, 1), asBytes),
    await send(service, hook, `a=${"\u0001".repeat(500_000)}`, asForm),
    await send(service, hook, Buffer.alloc(780_000, 1), asBytes),
  ];

  expect(answers.map(({ code, said }) => code ?? said)).toEqual(["PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE", "ACCEPTED"]);
});

test.for(["%zz", "%", `${"A".repeat(22)}%ff`, "%c0%af"])(
  "the address %s is refused without being repeated",
  async (path, { service }) => {
    const reply = await service.server.inject({
      method: "POST",
      url: `/hooks/${path}`,
      headers: { "x-request-id": "the-same" },
    });

    expect(reply.statusCode).toBe(400);
    expect(reply.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-content-type-options": "nosniff",
      "x-request-id": "the-same",
      "cache-control": "no-store",
    });
    expect(reply.json()).toEqual({
      message: "the address of the request is malformed",
      extensions: { code: "BAD_INPUT", requestId: "the-same" },
    });
  },
);

test.for([
  ["gzip", 415, "UNSUPPORTED_MEDIA_TYPE"],
  ["br, gzip", 415, "UNSUPPORTED_MEDIA_TYPE"],
] as const)("content-encoding %s is refused", async ([encoding, status, code], { service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());

  const answer = await send(service, hook, "{}", { headers: { "content-encoding": encoding } });

  expect([answer.status, answer.code]).toEqual([status, code]);
  expect((await send(service, hook, "{}", { headers: { "content-encoding": "identity" } })).status).toBe(202);
});

test.for(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] as const)(
  "%s is not how webhooks come",
  async (method, { service }) => {
    const reply = await service.server.inject({ method, url: `/hooks/${"A".repeat(22)}` });

    expect([reply.statusCode, reply.headers.allow]).toEqual([405, "POST"]);
    expect(readAnswer(reply.statusCode, reply.headers, reply.body).code).toBe("METHOD_NOT_ALLOWED");
  },
);

test("a header that comes twice is ambiguous", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const base = await service.server.listen({ host: "127.0.0.1", port: 0 });
  const headers = { ...sign(hook, "{}"), "content-type": "application/json", "content-length": "2", host: "h" };
  const lines = [...Object.entries(headers), ["webhook-id", "another"]].map(([name, value]) => `${name}: ${value}\r\n`);

  const answer = await raw(base, [`POST /hooks/${hook.path} HTTP/1.1\r\n${lines.join("")}connection: close\r\n\r\n{}`]);

  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  expect(await acme.runs()).toEqual([]);
});

test("a body without announced length is capped while it streams in", async ({ start, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const { server } = await start({ limits: { bodyBytesMax: 1_000 } });
  const base = await server.listen({ host: "127.0.0.1", port: 0 });
  const chunk = `1f4\r\n${"x".repeat(500)}\r\n`;

  const answer = await raw(base, [
    `POST /hooks/${hook.path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n`,
    chunk.repeat(3),
    "0\r\n\r\n",
  ]);

  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("PAYLOAD_TOO_LARGE");
});

test("a body that does not arrive in time is given up", async ({ start, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const { server } = await start({ limits: { bodyMsMax: 200 } });
  const base = await server.listen({ host: "127.0.0.1", port: 0 });

  const answer = await raw(base, [
    `POST /hooks/${hook.path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 100\r\n\r\n{`,
  ]);

  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(answer).toContain("REQUEST_TIMEOUT");
});

test("a sender that goes away in the middle of its body leaves nothing behind", async ({ service, world, addHook }) => {
  const acme = await world.tenant();
  const hook = await addHook(await acme.workflow());
  const base = await service.server.listen({ host: "127.0.0.1", port: 0 });
  const socket = await open(base);
  socket.write(`POST /hooks/${hook.path} HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\n{`);
  socket.destroy();
  await once(socket, "close");

  expect((await send(service, hook, "{}")).status).toBe(202);
  expect(await acme.runs()).toHaveLength(1);
});

async function open(base: string): Promise<Socket> {
  const { hostname, port } = new URL(base);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Everything the server answers to these bytes, until it closes the connection. */
async function raw(base: string, parts: readonly string[]): Promise<string> {
  const socket = await open(base);
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  for (const part of parts) socket.write(part);
  await once(socket, "close");
  return answer;
}
