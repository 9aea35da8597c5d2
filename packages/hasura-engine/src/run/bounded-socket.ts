import { Socket } from "node:net";
import { HasuraError } from "../hasura-error.ts";
import type { ShareLimits } from "../limits.ts";

/** Of one statement, and of all statements of a document or a batch together. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** Of one statement of the role `admin`, or of any other. */
export function answerBytesMax(admin: boolean, { answerBytes }: Pick<ShareLimits, "answerBytes">): number {
  return admin ? ANSWER_BYTES_MAX : Math.min(answerBytes, ANSWER_BYTES_MAX);
}

/**
 * A socket to PostgreSQL that breaks when a statement announces more than `bytesMax`: relationships that lead in circles
 * make a short document ask for more than the process can hold. What waits for the answer is told why. Lengths stand
 * before what they are the length of, so that little of an answer that is refused has been taken in.
 */
export function boundedSocket(bytesMax: number): Socket {
  const socket = new Socket();
  let announced = 0;
  const readLengths = createLengthReader((type, length) => {
    announced = type === READY_FOR_QUERY ? 0 : announced + length;
  });
  socket.on("data", (chunk: Buffer) => {
    readLengths(chunk);
    if (announced > bytesMax) socket.destroy(new AnswerTooLargeError(bytesMax));
  });
  return socket;
}

/** The last message of an answer. */
const READY_FOR_QUERY = 0x5a;
/** A byte for the type, then the length as 32 bits, themselves included. */
const HEADER_LENGTH = 5;
const NOTHING = Buffer.alloc(0);

/** Follows PostgreSQL's messages (protocol 3.0, "Message Formats") through chunks that begin and end anywhere. */
function createLengthReader(onMessage: (type: number, length: number) => void): (chunk: Buffer) => void {
  let header: Buffer = NOTHING;
  let left = 0;
  return (chunk) => {
    let at = Math.min(left, chunk.length);
    left -= at;
    while (at < chunk.length) {
      const rest = chunk.subarray(at, at + HEADER_LENGTH - header.length);
      header = header.length === 0 ? rest : Buffer.concat([header, rest]);
      at += rest.length;
      const type = header[0];
      if (header.length < HEADER_LENGTH || type === undefined) return;
      const length = header.readUInt32BE(1);
      header = NOTHING;
      onMessage(type, length);
      left = Math.max(0, length - 4);
      const skipped = Math.min(left, chunk.length - at);
      at += skipped;
      left -= skipped;
    }
  };
}

export class AnswerTooLargeError extends HasuraError {
  constructor(bytesMax: number) {
    super("bad-request", `the answer is larger than ${bytesMax} bytes`);
    this.name = "AnswerTooLargeError";
  }
}
