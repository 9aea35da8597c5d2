import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { FastifyInstance } from "fastify";
import { z } from "zod";

const CHANNEL = "fastify.initialization";
const madeSchema = z.object({ fastify: z.custom<FastifyInstance>() });
const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

/**
 * The routes of the servers that `build` makes, whoever registers them: a line each with method, path and how large a body
 * may be. HEAD beside GET is left out: it is GET without the answer's body.
 */
export async function recordRoutes(build: () => Promise<unknown>): Promise<string> {
  const limits = new Map<string, number | undefined>();
  const watch = (message: unknown): void => {
    const { fastify } = madeSchema.parse(message);
    fastify.addHook("onRoute", ({ method, url, bodyLimit = fastify.initialConfig.bodyLimit }) => {
      for (const name of [method].flat()) limits.set(`${name} ${url}`, bodyLimit);
    });
  };
  subscribe(CHANNEL, watch);
  try {
    await build();
  } finally {
    unsubscribe(CHANNEL, watch);
  }
  const lines = [...limits]
    .map(([route, bodyLimit]) => ({ method: route.split(" ")[0] ?? "", url: route.split(" ")[1] ?? "", bodyLimit }))
    .filter(({ method, url }) => method !== "HEAD" || !limits.has(`GET ${url.replace(/(?<=.)\/$/, "")}`))
    .sort((a, b) => (a.url === b.url ? (a.method < b.method ? -1 : 1) : a.url < b.url ? -1 : 1))
    .map(({ method, url, bodyLimit }) =>
      METHODS_WITH_BODY.includes(method) ? `${method} ${url} (body at most ${bodyLimit} bytes)` : `${method} ${url}`,
    );
  return `${lines.join("\n")}\n`;
}
