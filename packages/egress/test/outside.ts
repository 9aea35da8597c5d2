import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { onTestFinished } from "vitest";
import { createDial, type Dial, type Resolve } from "../src/index.ts";

export type Seen = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
};
export type Handler = (request: Seen, response: ServerResponse, index: number) => void;

/** A server on 127.0.0.1 that records what it is asked; it lives until the test ends. */
export async function openServer(
  handle: Handler,
): Promise<{ readonly port: number; readonly requests: readonly Seen[]; readonly connections: () => number }> {
  const requests: Seen[] = [];
  let connections = 0;
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const { method = "", url = "", headers } = incoming;
    const request = { method, path: url, headers, body: Buffer.concat(chunks).toString("utf8") };
    requests.push(request);
    handle(request, response, requests.length - 1);
  });
  server.on("connection", () => {
    connections += 1;
  });
  const port = await listen(server, "127.0.0.1", 0);
  return { port, requests, connections: () => connections };
}

/** A listener on loopback, IPv4 and where there is one IPv6, that a guard must keep untouched. */
export async function openCanary(): Promise<{ readonly port: number; readonly connections: () => number }> {
  const { port, connections } = await openServer((_request, response) => response.end("canary"));
  let touched = 0;
  const second = createServer((_incoming, response) => response.end("canary"));
  second.on("connection", () => {
    touched += 1;
  });
  await listen(second, "::1", port).catch(() => undefined);
  return { port, connections: () => connections() + touched };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return portOf(server.address());
}

export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("the server does not listen on a port");
  return address.port;
}

/** The n-th look-up of a name gets its n-th list; the last one repeats. A name without lists must not be looked up. */
export function scriptedResolve(answers: Readonly<Record<string, readonly (readonly string[])[]>>): Resolve {
  const lookUps = new Map<string, number>();
  return async (name) => {
    const lists = answers[name];
    if (lists === undefined) throw new Error(`${name} must not be looked up`);
    const index = lookUps.get(name) ?? 0;
    lookUps.set(name, index + 1);
    return lists[Math.min(index, lists.length - 1)] ?? [];
  };
}

export type Dialled = { readonly host: string; readonly address: string; readonly port: number };

/** Loopback is really dialled; everything else is led, without TLS, to the server in the outside world's place. */
export function recordingDial(outsidePort: number): { readonly dial: Dial; readonly dials: readonly Dialled[] } {
  const dials: Dialled[] = [];
  const really = createDial();
  return {
    dials,
    async dial(target, signal) {
      const { host, address, port } = target;
      dials.push({ host, address, port });
      if (address.startsWith("127.") || address === "::1") return really(target, signal);
      return connect({ host: "127.0.0.1", port: outsidePort });
    },
  };
}
