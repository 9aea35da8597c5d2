import { createServer, connect as dial, type Socket } from "node:net";

/** A real store behind a wire that can be cut. */
export type StoreProxy = {
  /** The store's URL, by way of the proxy. */
  readonly url: string;
  /** Ends every connection and refuses new ones. */
  cut(): void;
  /** Keeps connections open and lets nothing through. */
  hang(): void;
  restore(): void;
  close(): Promise<void>;
};

export async function openStoreProxy(storeUrl: string, standardPort: number): Promise<StoreProxy> {
  const target = new URL(storeUrl);
  const port = target.port === "" ? standardPort : Number(target.port);
  const sockets = new Set<Socket>();
  let state: "open" | "cut" | "hung" = "open";
  const server = createServer((near) => {
    sockets.add(near);
    near.on("error", () => undefined);
    near.on("close", () => sockets.delete(near));
    if (state === "cut") {
      near.destroy();
      return;
    }
    const far = dial(port, target.hostname);
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    near.on("data", (bytes) => {
      if (state === "open") far.write(bytes);
    });
    far.on("data", (bytes) => {
      if (state === "open") near.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy does not listen on a port");
  const url = new URL(storeUrl);
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.toString(),
    cut() {
      state = "cut";
      drop();
    },
    hang() {
      state = "hung";
    },
    restore() {
      // What was swallowed is lost, so a connection that hung is of no more use.
      if (state === "hung") drop();
      state = "open";
    },
    async close() {
      drop();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
