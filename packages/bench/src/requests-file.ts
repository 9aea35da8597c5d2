import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

export type Request = { path: string; headers: Record<string, string>; body: string };

const BUFFERED_BYTES = 4_000_000;

/**
 * Requests as a load generator sends them: for each a line with its length in bytes, then the HTTP message itself. The
 * file is on disk when this returns, so that writing it back costs no window anything.
 */
export function writeRequests(file: string, requests: Iterable<Request>): void {
  const handle = openSync(file, "w");
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const flush = (): void => {
    writeSync(handle, Buffer.concat(pending));
    [pending, pendingBytes] = [[], 0];
  };
  for (const request of requests) {
    const message = messageOf(request);
    pending.push(Buffer.from(`${message.length}\n`), message);
    pendingBytes += message.length;
    if (pendingBytes > BUFFERED_BYTES) flush();
  }
  flush();
  fsyncSync(handle);
  closeSync(handle);
}

function messageOf({ path, headers, body }: Request): Buffer {
  const bytes = Buffer.from(body);
  const lines = Object.entries({ host: "127.0.0.1", ...headers, "content-length": String(bytes.length) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`, "latin1"), bytes]);
}

/** The same requests again, for a generator that makes the messages itself. */
export function readRequests(file: string): Request[] {
  return readMessages(file).map(requestOf);
}

export function readMessages(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf("\n", at);
    const end = lineEnd + 1 + Number(bytes.toString("latin1", at, lineEnd));
    messages.push(bytes.subarray(lineEnd + 1, end));
    at = end;
  }
  return messages;
}

function requestOf(message: Buffer): Request {
  const bodyAt = message.indexOf("\r\n\r\n");
  const [first = "", ...lines] = message.toString("latin1", 0, bodyAt).split("\r\n");
  const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)] as const);
  const own = headers.filter(([name]) => name !== "host" && name !== "content-length");
  return {
    path: first.split(" ")[1] ?? "",
    headers: Object.fromEntries(own),
    body: message.toString("utf8", bodyAt + "\r\n\r\n".length),
  };
}
