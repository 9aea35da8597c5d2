import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";

export type RawRefusal = { readonly status: number; readonly code: string; readonly message: string };

/** Refuses on a stream that no reply belongs to, in the shape of all other refusals outside `/v1/graphql`. */
export function endWithRefusal(stream: Duplex, { status, code, message }: RawRefusal): void {
  const body = JSON.stringify({ path: "$", error: message, code });
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
