// Sends each request once, at its time, over kept-alive connections. A request whose time has come while all connections
// wait is late, and its latency counts from when it should have been sent.
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { readMessages } from "../requests-file.ts";
import { type Figures, steadyJobSchema } from "./job.ts";

const job = steadyJobSchema.parse(JSON.parse(await text(process.stdin)));
const messages = readMessages(job.requestsFile);
const { hostname, port } = new URL(job.url);
const perMs = (job.requestsPerSecond ?? Number.POSITIVE_INFINITY) / 1_000;

const idle: Socket[] = [];
const latencies: number[] = [];
let [sent, non2xx, socketErrors, wrongAnswers, waiting] = [0, 0, 0, 0, 0];
const startedAt = performance.now();
let finish: () => void = () => undefined;
const finished = new Promise<void>((resolve) => {
  finish = resolve;
});

for (let index = 0; index < job.connections; index++) open();
const timer = setInterval(pump, 1);
await finished;
clearInterval(timer);
process.stdout.write(JSON.stringify(figures()), () => process.exit(0));

function open(): void {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let received = "";
  let dueAt = 0;
  socket.setEncoding("latin1");
  socket.once("connect", () => idle.push(socket));
  socket.on("send", (message: Buffer, due: number) => {
    dueAt = due;
    socket.write(message);
  });
  socket.on("data", (chunk: string) => {
    received += chunk;
    const bodyAt = received.indexOf("\r\n\r\n") + 4;
    const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1];
    if (bodyAt < 4) return;
    if (length === undefined) return fail();
    if (received.length < bodyAt + Number(length)) return;
    count(received, bodyAt, performance.now() - dueAt);
    received = "";
    waiting -= 1;
    idle.push(socket);
    pump();
  });
  // An error is followed by the end of the connection.
  socket.on("error", () => undefined);
  socket.on("close", fail);
}

/** A connection that is lost, or whose answers have no length, would leave the load without one. */
function fail(): void {
  socketErrors += 1;
  finish();
}

function pump(): void {
  const elapsed = performance.now() - startedAt;
  const isOver = elapsed > job.seconds * 1_000 || sent === messages.length;
  if (isOver && waiting === 0) finish();
  while (!isOver && sent < messages.length && sent <= elapsed * perMs) {
    const socket = idle.shift();
    if (socket === undefined) return;
    socket.emit(
      "send",
      messages[sent],
      perMs === Number.POSITIVE_INFINITY ? performance.now() : startedAt + sent / perMs,
    );
    sent += 1;
    waiting += 1;
  }
}

function count(answer: string, bodyAt: number, latency: number): void {
  latencies.push(latency);
  if (!/^HTTP\/1.1 2/.test(answer)) non2xx += 1;
  else if (!answer.startsWith(job.answerBegins, bodyAt)) wrongAnswers += 1;
}

function figures(): Figures {
  const sorted = latencies.sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  const seconds = (performance.now() - startedAt) / 1_000;
  const requests = latencies.length - non2xx;
  const requestsPerSecond = latencies.length / seconds;
  return { requestsPerSecond, requests, p50: at(0.5), p99: at(0.99), non2xx, socketErrors, wrongAnswers, turns: 0 };
}
