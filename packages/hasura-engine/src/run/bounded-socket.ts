import { Socket } from "node:net";
import { HasuraError } from "../hasura-error.ts";

/** Of one statement, and of all statements of a document or a batch together. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * A socket to PostgreSQL that breaks when a statement answers more than `bytesMax`: relationships that lead in circles
 * make a short document ask for more than the process can hold. What waits for the answer is told why.
 */
export function boundedSocket(bytesMax: number): Socket {
  const socket = new Socket();
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received = isEnd(chunk) ? 0 : received + chunk.length;
    if (received > bytesMax) socket.destroy(new AnswerTooLargeError(bytesMax));
  });
  return socket;
}

/** ReadyForQuery, the last message of an answer; no text holds the zero bytes of its length. */
function isEnd(chunk: Buffer): boolean {
  const { length } = chunk;
  // A shorter chunk is the rest of one.
  return length < 6 || (chunk[length - 6] === 0x5a && chunk.readUInt32BE(length - 5) === 5);
}

export class AnswerTooLargeError extends HasuraError {
  constructor(bytesMax: number) {
    super("bad-request", `the answer is larger than ${bytesMax} bytes`);
    this.name = "AnswerTooLargeError";
  }
}
