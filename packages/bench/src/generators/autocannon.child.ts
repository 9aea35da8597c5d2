// autocannon in a process of its own: it reads one job from standard input and prints the figures.
import { text } from "node:stream/consumers";
import autocannon from "autocannon";
import { readRequests } from "../requests-file.ts";
import { jobSchema } from "./job.ts";

const job = jobSchema.parse(JSON.parse(await text(process.stdin)));
const requests = readRequests(job.requestsFile);
let sent = 0;
let wrongAnswers = 0;
const result = await autocannon({
  url: job.url,
  connections: job.connections,
  duration: job.seconds,
  requests: [
    {
      method: "POST",
      // All connections take from one list.
      setupRequest: (request) => ({ ...request, ...requests[sent++ % requests.length] }),
      onResponse: (status: number, body: string) => {
        if (status >= 200 && status < 300 && !body.startsWith(job.answerBegins)) wrongAnswers += 1;
      },
    },
  ],
});
process.stdout.write(
  JSON.stringify({
    requestsPerSecond: result.requests.total / result.duration,
    requests: result["2xx"],
    p50: result.latency.p50,
    p99: result.latency.p99,
    non2xx: result.non2xx,
    socketErrors: result.errors + result.timeouts,
    wrongAnswers,
    turns: Math.max(0, Math.ceil(sent / requests.length) - 1),
  }),
);
