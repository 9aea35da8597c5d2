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
  let written = 0;
  let received = 0;
  socket.on("data", ({ length }) => {
    // The driver writes nothing while an answer comes in.
    if (socket.bytesWritten !== written) received = 0;
    written = socket.bytesWritten;
    received += length;
    if (received > bytesMax) socket.destroy(answerTooLarge(bytesMax));
  });
  return socket;
}

export function answerTooLarge(bytesMax: number): HasuraError {
  return new HasuraError("bad-request", `the answer is larger than ${bytesMax} bytes`);
}
