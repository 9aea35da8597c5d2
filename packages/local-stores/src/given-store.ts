import { connect } from "node:net";
import type { Store } from "./run-server.ts";
import type { StoreName } from "./store-unavailable.ts";

const PROTOCOLS = {
  postgres: ["postgres:", "postgresql:"],
  redis: ["redis:", "rediss:"],
  mongo: ["mongodb:", "mongodb+srv:"],
} as const satisfies Record<StoreName, readonly string[]>;

const DEFAULT_PORTS = { postgres: 5432, redis: 6379, mongo: 27_017 } as const satisfies Record<StoreName, number>;

const ANSWERS_WITHIN_MS = 3_000;

/**
 * A store that a variable names. Throws with what to do when the URL is none, or when nothing listens there; the URL
 * itself is never in the message, as it may hold a password.
 */
export async function givenStore(name: StoreName, variable: string, text: string): Promise<Store> {
  const protocols: readonly string[] = PROTOCOLS[name];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !protocols.includes(url.protocol))
    throw new Error(
      `${variable} is not a ${protocols.join(" or ")} URL; mend it, or unset it to have ${name} started here`,
    );
  const store = { url: text, source: variable, stop: async () => {} };
  // Behind an SRV name or a list of hosts the driver finds the server.
  if (url.protocol === "mongodb+srv:" || url.host === "" || url.host.includes(",")) return store;
  const port = url.port === "" ? DEFAULT_PORTS[name] : Number(url.port);
  const failure = await probe(url.hostname.replace(/^\[|\]$/g, ""), port);
  if (failure !== undefined)
    throw new Error(
      `${variable}: nothing answers at ${url.hostname}:${port} (${failure}); start that server, or unset ${variable} to have ${name} started here`,
    );
  return store;
}

/** Why no connection came about; undefined when one did. */
function probe(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWERS_WITHIN_MS });
    const end = (failure: string | undefined): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.on("connect", () => end(undefined));
    socket.on("timeout", () => end("no answer within 3 s"));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
