import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type Passed = { method: string; target: string; rawHeaders: readonly string[]; body: Buffer };

export type Recorder = { address: string; passed: Passed[]; close(): Promise<void> };

/** Stands where a service stands and keeps the bytes of what the proxy passes on; the proxy's own health checks do not count. */
export async function openRecorder(): Promise<Recorder> {
  const passed: Passed[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url: target = "", rawHeaders } = request;
      if (request.headers["x-forwarded-for"] !== undefined)
        passed.push({ method, target, rawHeaders, body: Buffer.concat(chunks) });
      response.setHeader("content-type", "application/json").end(JSON.stringify({ text: "as it was ".repeat(400) }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the recorder has no port");
  return {
    address: `127.0.0.1:${address.port}`,
    passed,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** The values of a header, as often as it was sent. */
export function valuesOf({ rawHeaders }: Passed, name: string): string[] {
  return rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
