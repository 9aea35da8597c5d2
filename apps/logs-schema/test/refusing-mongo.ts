import { createServer, connect as dial, type Socket } from "node:net";
import { BSON, type Document } from "mongodb";

export type RefusingMongo = { readonly url: string; close(): Promise<void> };

const HEADER_BYTES = 16;
const OP_MSG = 2013;

/** The test's MongoDB, but for the commands that `refuse` gives an error code for. */
export async function openRefusingMongo(
  storeUrl: string,
  refuse: (command: Document) => number | undefined,
): Promise<RefusingMongo> {
  const target = new URL(storeUrl);
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    const store = dial(Number(target.port), target.hostname);
    client.on("close", () => {
      clients.delete(client);
      store.destroy();
    });
    client.on("error", () => undefined);
    store.on("error", () => client.destroy());
    store.pipe(client);
    let pending = Buffer.alloc(0);
    client.on("data", (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= HEADER_BYTES && pending.length >= pending.readInt32LE(0)) {
        const message = pending.subarray(0, pending.readInt32LE(0));
        pending = pending.subarray(message.length);
        const code = message.readInt32LE(12) === OP_MSG ? refuse(commandOf(message)) : undefined;
        if (code === undefined) store.write(message);
        else client.write(refusal(message.readInt32LE(4), code));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the double does not listen on a port");
  const url = new URL(storeUrl);
  url.port = String(address.port);
  return {
    url: url.toString(),
    async close() {
      for (const client of clients) client.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Header, flags, the kind of the first section, then the command: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ */
function commandOf(message: Buffer): Document {
  const start = HEADER_BYTES + 5;
  return BSON.deserialize(message.subarray(start, start + message.readInt32LE(start)));
}

function refusal(requestId: number, code: number): Buffer {
  const body = Buffer.from(BSON.serialize({ ok: 0, code, errmsg: "not known here" }));
  const head = Buffer.alloc(HEADER_BYTES + 5);
  head.writeInt32LE(head.length + body.length, 0);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(OP_MSG, 12);
  return Buffer.concat([head, body]);
}
