import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { defineCell } from "../cell.ts";
import type { Program } from "../program.ts";

const MIB = 1_048_576;
const ANSWER_WITHIN_MS = 15_000;
const GROWTH_BYTES_MAX = 20 * MIB;

type Hostile = {
  what: string;
  expected: readonly number[];
  head: string;
  body?: () => AsyncGenerator<string> | Generator<string>;
};

function* chunked(bytes: number): Generator<string> {
  for (let sent = 0; sent < bytes; sent += 65_536) yield `10000\r\n${"x".repeat(65_536)}\r\n`;
  yield "0\r\n\r\n";
}

function* whole(bytes: number): Generator<string> {
  yield "x".repeat(bytes);
}

async function* drip(): AsyncGenerator<string> {
  for (;;) {
    yield "x";
    await delay(1_000);
  }
}

const line = (path: string, ...headers: string[]) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\n${headers.join("\r\n")}\r\n\r\n`;

const hostileRequests = (path: string): readonly Hostile[] => [
  {
    what: "1 MiB and a byte",
    expected: [413],
    head: line(path, "content-type: application/json", `content-length: ${MIB + 1}`),
    body: () => whole(MIB + 1),
  },
  {
    what: "4 MiB in chunks, without a length",
    expected: [413],
    head: line(path, "content-type: application/json", "transfer-encoding: chunked"),
    body: () => chunked(4 * MIB),
  },
  {
    what: "a body of one byte a second",
    expected: [408],
    head: line(path, "content-type: application/json", "content-length: 1000"),
    body: drip,
  },
  {
    what: "gzip",
    expected: [415],
    head: line(path, "content-encoding: gzip", "content-length: 2"),
    body: () => whole(2),
  },
  {
    what: "a signature header twice",
    expected: [401],
    head: line(
      path,
      "webhook-id: a",
      "webhook-timestamp: 1",
      "webhook-signature: v1,a",
      "webhook-signature: v1,b",
      "content-length: 0",
    ),
  },
  {
    what: "a header of 100 KB",
    expected: [413],
    head: line(path, `x-large: ${"x".repeat(100_000)}`, "content-length: 0"),
  },
  { what: "NUL in the path", expected: [401, 400, 404], head: line("/hooks/a%00b", "content-length: 0") },
  {
    what: "another type, unsigned",
    expected: [401],
    head: line(path, "content-type: image/png", "content-length: 2"),
    body: () => whole(2),
  },
];

/** The status of the first answer, 0 when the connection just ends. */
async function ask(origin: string, { head, body }: Hostile): Promise<{ status: number; ms: number }> {
  const { hostname, port } = new URL(origin);
  const startedAt = performance.now();
  const socket = connect(Number(port), hostname);
  let answer = "";
  const answered = new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
      if (answer.includes("\r\n")) resolve();
    });
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
  });
  let over = false;
  const late = delay(ANSWER_WITHIN_MS, undefined, { ref: false });
  const done = Promise.race([answered, late]).then(() => {
    over = true;
  });
  socket.write(head);
  const sending = (async () => {
    for await (const part of body?.() ?? []) {
      if (over || socket.destroyed) return;
      socket.write(part);
    }
  })();
  await done;
  socket.destroy();
  await sending;
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0), ms: performance.now() - startedAt };
}

function residentBytes({ pid }: Program): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}

/** What no sender of good will sends is refused in time, in little memory, and without a row. */
export const hostileRequestsRefused = defineCell({
  id: "F20",
  title: "requests of no good will: too large, too slow, wrongly coded, ambiguous",
  async play({ begin, gateway, random, must, within, count }) {
    const [receiver] = await begin({ runner: false });
    if (receiver === undefined) throw new Error("there is no receiver");
    const requests = hostileRequests(`/hooks/${receiver.webhookPath}`);
    // What the gateway needs for its first requests is not theirs.
    await Promise.all(requests.filter(({ body }) => body !== drip).map((request) => ask(gateway.url, request)));
    const before = residentBytes(gateway);
    const answers = await Promise.all(
      random.shuffled(requests).map(async (request) => ({ request, answer: await ask(gateway.url, request) })),
    );
    for (const { request, answer } of answers) {
      must(
        request.expected.includes(answer.status),
        `${request.what} was answered ${answer.status} instead of ${request.expected.join(" or ")}`,
      );
      within(answer.ms, 11_500, `${request.what} is answered`);
    }
    must(residentBytes(gateway) - before < GROWTH_BYTES_MAX, "the gateway grew by more than 20 MiB");
    must(gateway.isRunning(), "the gateway ended");
    must(
      (await count("select 1 from webhook_deliveries union all select 1 from workflow_runs")) === 0,
      "a refused request left a row",
    );
  },
});
