import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What a client told PostgreSQL, read off the wire. */
export type PgWire = {
  /** As the server's URL, but through here. */
  readonly url: string;
  /** SQL texts in the order they were sent for execution. */
  statements(): readonly string[];
  /** Everything that was bound as a parameter, as text. */
  parameters(): readonly string[];
  forget(): void;
  close(): Promise<void>;
};

/**
 * A proxy in front of PostgreSQL that reads the client's messages (frontend protocol 3.0, "Message Formats"): Query,
 * Parse, Bind, Execute. A named statement that is executed again counts again.
 */
export async function startPgWire(serverUrl: string): Promise<PgWire> {
  const target = new URL(serverUrl);
  const seen = { statements: [] as string[], parameters: [] as string[] };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) });
    const read = messageReader(seen);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk: Buffer) => {
      read(chunk);
      upstream.write(chunk);
    });
    upstream.pipe(client);
    client.on("close", () => upstream.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = new URL(serverUrl);
  url.host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    url: url.href,
    statements: () => seen.statements,
    parameters: () => seen.parameters,
    forget() {
      seen.statements.length = 0;
      seen.parameters.length = 0;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function messageReader(seen: { statements: string[]; parameters: string[] }): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  const named = new Map<string, string>();
  const portals = new Map<string, string>();
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      // The first message has no type byte.
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = rest.readInt32BE(head);
      if (rest.length < head + length) return;
      const body = rest.subarray(head + 4, head + length);
      const type = started ? String.fromCharCode(rest[0] ?? 0) : "";
      rest = rest.subarray(head + length);
      started = true;
      if (type === "Q") seen.statements.push(text(body, 0)[0]);
      if (type === "P") {
        const [name, next] = text(body, 0);
        named.set(name, text(body, next)[0]);
      }
      if (type === "B") {
        const [portal, next] = text(body, 0);
        const [statement, after] = text(body, next);
        portals.set(portal, named.get(statement) ?? "");
        seen.parameters.push(...boundValues(body, after));
      }
      if (type === "E") seen.statements.push(portals.get(text(body, 0)[0]) ?? "");
    }
  };
}

/** A null-terminated text and where the next one begins. */
function text(body: Buffer, start: number): [string, number] {
  const end = body.indexOf(0, start);
  return [body.toString("utf8", start, end), end + 1];
}

function boundValues(body: Buffer, start: number): string[] {
  let at = start + 2 + body.readInt16BE(start) * 2;
  const count = body.readInt16BE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const size = body.readInt32BE(at);
    const value = size < 0 ? "" : body.toString("utf8", at + 4, at + 4 + size);
    at += 4 + Math.max(size, 0);
    return value;
  });
}
