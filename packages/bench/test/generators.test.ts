import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, expect, test } from "vitest";
import { workDir } from "../src/child.ts";
import { autocannon } from "../src/generators/autocannon.ts";
import { chooseGenerator } from "../src/generators/choose.ts";
import { steady } from "../src/generators/steady.ts";
import { writeRequests } from "../src/requests-file.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** Answers with `answer` and keeps what it was sent. */
async function serve(answer: { status: number; body: string }): Promise<{ url: string; seen: Set<string> }> {
  const seen = new Set<string>();
  server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.add(`${request.method} ${request.url} ${request.headers["x-tenant"]} ${body}`);
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer.body) };
      response.writeHead(answer.status, headers).end(answer.body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, seen };
}

const requests = ["one", 'tw"o\\ – ü'].map((name) => ({
  path: `/${name.length}`,
  headers: { "content-type": "application/json", "x-tenant": name.slice(0, 2) },
  body: JSON.stringify({ name }),
}));
mkdirSync(workDir, { recursive: true });
const folder = mkdtempSync(join(workDir, "test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const requestsFile = join(folder, "two.requests");
writeRequests(requestsFile, requests);
const job = { connections: 2, seconds: 1, requestsFile, answerBegins: '{"data":"%' };

const chosen = chooseGenerator();
const generators = chosen === autocannon ? [autocannon] : [autocannon, chosen];

test.each(generators)("$name sends every request in turn and counts right answers", async (generator) => {
  const { url, seen } = await serve({ status: 200, body: '{"data":"%s"}' });

  const figures = await generator.measure({ ...job, url });

  expect(figures).toMatchObject({ non2xx: 0, socketErrors: 0, wrongAnswers: 0 });
  expect(figures.requests).toBeGreaterThan(1);
  expect(figures.turns).toBeGreaterThan(0);
  expect(figures.requestsPerSecond).toBeGreaterThan(0);
  expect([...seen].sort()).toEqual(
    requests.map(({ path, headers, body }) => `POST ${path} ${headers["x-tenant"]} ${body}`).sort(),
  );
});

test.each(generators)("$name counts a 200 with another answer as wrong", async (generator) => {
  const { url } = await serve({ status: 200, body: '{"errors":[]}' });

  const figures = await generator.measure({ ...job, url });

  expect(figures.wrongAnswers).toBeGreaterThan(0);
});

test.each(generators)("$name counts refusals apart", async (generator) => {
  const { url } = await serve({ status: 503, body: '{"data":"%' });

  const figures = await generator.measure({ ...job, url });

  expect(figures.requests).toBe(0);
  expect(figures.non2xx).toBeGreaterThan(0);
});

test("the steady one sends every request once, then ends", async () => {
  const { url, seen } = await serve({ status: 202, body: '{"data":"%s"}' });
  const many = join(folder, "many.requests");
  const names = Array.from({ length: 50 }, (_, index) => `name-${index}`);
  writeRequests(
    many,
    names.map((name) => ({ path: "/one", headers: { "x-tenant": "t" }, body: name })),
  );

  const figures = await steady.measure({ ...job, url, seconds: 600, requestsFile: many, requestsPerSecond: 500 });

  expect(figures).toMatchObject({ requests: 50, non2xx: 0, socketErrors: 0, wrongAnswers: 0, turns: 0 });
  expect([...seen].sort()).toEqual(names.map((name) => `POST /one t ${name}`).sort());
});

test("the steady one keeps to its time", async () => {
  const { url } = await serve({ status: 503, body: "{}" });

  const figures = await steady.measure({ ...job, url, requestsPerSecond: 1 });

  expect(figures).toMatchObject({ requests: 0, non2xx: 1 });
});
