import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError, errorBody } from "./errors.ts";

/**
 * What the framework would otherwise answer by itself, before any hook runs, in a shape of its own: an address it cannot read.
 * The address is not repeated: of some routes it is a secret.
 */
export function answerBadAddress(_error: Error, request: FastifyRequest, reply: FastifyReply): void {
  const { status, body } = errorBody(new AppError("BAD_INPUT", "the address of the request is malformed"), request.id);
  reply
    .status(status)
    .header("x-request-id", request.id)
    .header("x-content-type-options", "nosniff")
    .header("cache-control", "no-store")
    .send(body);
}

/** The same for bytes that are no HTTP request, where there is no request to answer, only a socket. */
export function answerBadHttp(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const { status, body } = errorBody(refusalOf(error.code), requestId);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    `x-request-id: ${requestId}`,
    "x-content-type-options: nosniff",
    "cache-control: no-store",
    "connection: close",
  ];
  if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
  socket.destroySoon();
}

function refusalOf(code: string | undefined): AppError {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new AppError("REQUEST_TIMEOUT", "the request took too long to arrive");
    case "HPE_HEADER_OVERFLOW":
      return new AppError("PAYLOAD_TOO_LARGE", "the headers are larger than allowed");
    default:
      return new AppError("BAD_INPUT", "this is not a request of HTTP/1.1");
  }
}
