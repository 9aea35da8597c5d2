import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { autocannon } from "../src/generators/autocannon.ts";
import { chooseGenerator } from "../src/generators/choose.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** Answers with `answer` and keeps what it was sent. */
async function serve(answer: { status: number; body: string }): Promise<{ url: string; seen: Set<string> }> {
  const seen = new Set<string>();
  server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.add(`${request.method} ${request.url} ${request.headers["x-tenant"]} ${body}`);
      response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
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
const job = { connections: 2, seconds: 1, requests, answerBegins: '{"data":"%' };

const chosen = chooseGenerator();
const generators = chosen === autocannon ? [autocannon] : [autocannon, chosen];

test.each(generators)("$name sends every request in turn and counts right answers", async (generator) => {
  const { url, seen } = await serve({ status: 200, body: '{"data":"%s"}' });

  const figures = await generator.measure({ ...job, url });

  expect(figures).toMatchObject({ non2xx: 0, socketErrors: 0, wrongAnswers: 0 });
  expect(figures.requests).toBeGreaterThan(10);
  expect(figures.requestsPerSecond).toBeGreaterThan(10);
  expect([...seen].sort()).toEqual(
    requests.map(({ path, headers, body }) => `POST ${path} ${headers["x-tenant"]} ${body}`).sort(),
  );
});

test.each(generators)("$name counts a 200 with another answer as wrong", async (generator) => {
  const { url } = await serve({ status: 200, body: '{"errors":[]}' });

  const figures = await generator.measure({ ...job, url });

  expect(figures.wrongAnswers).toBeGreaterThan(10);
});

test.each(generators)("$name counts refusals apart", async (generator) => {
  const { url } = await serve({ status: 503, body: '{"data":"%' });

  const figures = await generator.measure({ ...job, url });

  expect(figures.requests).toBe(0);
  expect(figures.non2xx).toBeGreaterThan(10);
});
