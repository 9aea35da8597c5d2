import type { Socket } from "node:net";
import { endWithRefusal } from "./raw-refusal.ts";

/** What is no HTTP request, or does not come to its end. */
export function answerConnectionError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  endWithRefusal(socket, { code: "bad-request", ...refusalOf(error.code) });
}

function refusalOf(code: string | undefined): { status: number; message: string } {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return { status: 408, message: "the request took too long to arrive" };
  if (code === "HPE_HEADER_OVERFLOW") return { status: 431, message: "the headers are too long" };
  return { status: 400, message: "this is no HTTP request" };
}
