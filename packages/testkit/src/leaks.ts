import { subscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";
import { storeUrl } from "./store-urls.ts";

/** Client sockets of this process that are open, since this module was loaded. */
const open = new Set<Socket>();

subscribe("net.client.socket", (message) => {
  if (typeof message !== "object" || message === null || !("socket" in message)) return;
  const { socket } = message;
  if (!(socket instanceof Socket)) return;
  open.add(socket);
  socket.once("close", () => open.delete(socket));
});

/** A closed client's last packets take a moment. */
const GRACE_MS = 2_000;

export type LeakWatch = {
  /** Connections to Redis and MongoDB made since the watch began that are still open, and servers that still listen. */
  find(): Promise<string[]>;
};

/** Watches this process. PostgreSQL is watched per database, by `openTestDatabase`. */
export function watchLeaks(): LeakWatch {
  const before = new Set(open);
  const listening = countServers();
  return {
    async find() {
      const deadline = Date.now() + GRACE_MS;
      for (;;) {
        const left = [...storeSockets(before), ...(countServers() > listening ? ["a listening server"] : [])];
        if (left.length === 0 || Date.now() > deadline) return left;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

function storeSockets(except: ReadonlySet<Socket>): string[] {
  const stores = new Map([
    [portOf(storeUrl("REDIS_URL"), 6379), "a Redis connection"],
    [portOf(storeUrl("MONGODB_URL"), 27017), "a MongoDB connection"],
  ]);
  return [...open].flatMap((socket) => {
    const store = stores.get(socket.remotePort ?? 0);
    return store === undefined || except.has(socket) || socket.destroyed ? [] : [store];
  });
}

function portOf(url: string, standard: number): number {
  const { port } = new URL(url);
  return port === "" ? standard : Number(port);
}

function countServers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === "TCPServerWrap").length;
}
