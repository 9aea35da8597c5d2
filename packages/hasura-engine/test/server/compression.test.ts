import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN_SECRET, type Served, serve, userHeaders } from "../subscriptions/world.ts";
import { createTestDatabase, type TestDatabase } from "../test-database.ts";

const MEBIBYTE = 1024 * 1024;

let database: TestDatabase;
let served: Served;

beforeAll(async () => {
  // Digests, so that they stay long when they are compressed.
  database = await createTestDatabase(`
    create table notes (id int primary key, text text);
    insert into notes
    select n, (select string_agg(md5(n || '-' || i), '') from generate_series(1, 32 * n) i) from generate_series(0, 3) n;
    insert into notes
    select 100, (select string_agg(md5(i::text), '') from generate_series(1, 200000) i);
    -- More than the kernels on both sides take in.
    insert into notes select 200, string_agg(md5(i::text), '') from generate_series(1, 1000000) i;
  `);
  const tables = [
    { table: "notes", select_permissions: [{ role: "member", permission: { columns: ["id", "text"], filter: {} } }] },
  ];
  served = await serve(database.url, tables, {
    env: {
      HASURA_ENGINE_ANSWER_BYTES_MAX: String(48 * MEBIBYTE),
      HASURA_ENGINE_UNSENT_BYTES_EACH: String(36 * MEBIBYTE),
    },
  });
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

const textOf = (id: number) => JSON.stringify({ query: `{ notes_by_pk(id: ${id}) { text } }` });

async function ask(id: number, encoding: string): Promise<{ reply: IncomingMessage; bytes: Buffer }> {
  const sent = httpRequest(`${served.url}/v1/graphql`, {
    method: "POST",
    headers: { "x-hasura-admin-secret": ADMIN_SECRET, "accept-encoding": encoding },
  });
  sent.end(textOf(id));
  const [reply]: IncomingMessage[] = await once(sent, "response");
  if (reply === undefined) throw new Error("there was no answer");
  return { reply, bytes: Buffer.concat(await reply.toArray()) };
}

test.each([
  ["gzip", gunzipSync],
  ["gzip, deflate, br", brotliDecompressSync],
])("a client that takes %s gets a long answer compressed, with the bytes it would have had", async (encoding, open) => {
  const plain = await ask(3, "identity");

  const { reply, bytes } = await ask(3, encoding);

  expect(encoding).toContain(reply.headers["content-encoding"]);
  expect(reply.headers.vary).toContain("accept-encoding");
  expect(bytes.length).toBeLessThan(plain.bytes.length);
  expect(open(bytes)).toEqual(plain.bytes);
});

test("a very long answer comes whole", async () => {
  const { reply, bytes } = await ask(100, "br");

  expect(reply.headers["content-encoding"]).toBe("br");
  expect(JSON.parse(brotliDecompressSync(bytes).toString()).data.notes_by_pk.text).toHaveLength(6_400_000);
});

test.each([
  [1, "gzip, br"],
  [3, ""],
])("a short answer, and one that nobody wants compressed, is sent as it is (%i, %j)", async (id, encoding) => {
  const { reply, bytes } = await ask(id, encoding);

  expect(reply.headers["content-encoding"]).toBeUndefined();
  expect(reply.headers["content-length"]).toBe(String(bytes.length));
});

test("a compressed answer that is not taken counts with all its bytes, until its client is gone", async () => {
  const { hostname, port } = new URL(served.url);
  const own = userHeaders("member", { "x-hasura-tenant-id": "slow", "x-hasura-user-id": "slow" });
  const head = ["POST /v1/graphql HTTP/1.1", "host: localhost", `authorization: ${own.authorization}`];
  const body = textOf(200);
  const beginning = async () => {
    const headers = { ...own, "accept-encoding": "identity" };
    const reply = await fetch(`${served.url}/v1/graphql`, { method: "POST", headers, body: textOf(100) });
    return (await reply.text()).slice(0, 200);
  };
  const idle = connect(Number(port), hostname);
  idle.pause();
  idle.on("error", () => {});
  idle.write(`${[...head, "accept-encoding: br", `content-length: ${body.length}`].join("\r\n")}\r\n\r\n${body}`);
  // Its answer has begun, so it counts; asked for any earlier, the shorter ones would count first and refuse it.
  await once(idle, "readable");

  await expect.poll(beginning, { timeout: 20_000 }).toContain("not taken yet");
  idle.destroy();
  await expect.poll(beginning, { timeout: 20_000 }).toContain("notes_by_pk");
});
