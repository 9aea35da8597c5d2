import { createServer, connect as dial, type Socket } from "node:net";

/** A real store behind a wire that can be cut. */
export type StoreWire = {
  /** The store's URL, by way of the wire. */
  readonly url: string;
  /** Ends every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections open and lets nothing through, as a network that lost its way does. */
  hang(): void;
  /** For connections from here on; those that hung stay silent for ever. */
  restore(): void;
  close(): Promise<void>;
};

const STANDARD_PORTS = new Map([
  ["postgres:", 5432],
  ["postgresql:", 5432],
  ["redis:", 6379],
  ["mongodb:", 27017],
]);

/** For tests of what happens while a store is away, without touching the store that other tests use. */
export async function openStoreWire(storeUrl: string): Promise<StoreWire> {
  const target = new URL(storeUrl);
  const port = target.port === "" ? (STANDARD_PORTS.get(target.protocol) ?? 0) : Number(target.port);
  const near = new Set<Socket>();
  let state: "open" | "cut" | "hung" = "open";
  let hangs = 0;
  const server = createServer((client) => {
    near.add(client);
    client.on("error", () => undefined);
    client.on("close", () => near.delete(client));
    if (state === "cut") {
      client.destroy();
      return;
    }
    const born = hangs;
    const passes = () => state === "open" && born === hangs;
    const store = dial(port, target.hostname);
    store.on("error", () => client.destroy());
    store.on("close", () => client.destroy());
    client.on("close", () => store.destroy());
    client.on("data", (bytes) => {
      if (passes()) store.write(bytes);
    });
    store.on("data", (bytes) => {
      if (passes()) client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the wire does not listen on a port");
  const url = new URL(storeUrl);
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  const drop = () => {
    for (const client of near) client.destroy();
  };
  return {
    url: url.toString(),
    cut() {
      state = "cut";
      drop();
    },
    hang() {
      state = "hung";
      hangs += 1;
    },
    restore() {
      state = "open";
    },
    async close() {
      drop();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
