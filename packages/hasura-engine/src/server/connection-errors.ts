import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** What is no HTTP request, or does not come to its end, is answered in the shape of all other refusals. */
export function answerConnectionError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, message } = refusalOf(error.code);
  const body = JSON.stringify({ path: "$", error: message, code: "bad-request" });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function refusalOf(code: string | undefined): { status: number; message: string } {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return { status: 408, message: "the request took too long to arrive" };
  if (code === "HPE_HEADER_OVERFLOW") return { status: 431, message: "the headers are too long" };
  return { status: 400, message: "this is no HTTP request" };
}
