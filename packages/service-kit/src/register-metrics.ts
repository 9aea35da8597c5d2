import type { FastifyInstance } from "fastify";
import type { Metrics } from "./metrics.ts";

const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Measures every request by its route pattern, and serves what is measured as Prometheus text at `/metrics`. */
export function registerMetrics(server: FastifyInstance, metrics: Metrics): void {
  const duration = metrics.histogram(
    "http_request_duration_seconds",
    "duration of requests by route pattern",
    ["method", "route", "status"],
    DURATION_BUCKETS_SECONDS,
  );
  server.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "unmatched";
    duration.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
    done();
  });
  server.get("/metrics", async (_request, reply) =>
    reply.header("content-type", metrics.contentType).send(await metrics.render()),
  );
}
