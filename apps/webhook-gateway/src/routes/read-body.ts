import type { IncomingMessage } from "node:http";
import { AppError } from "@control-plane/service-kit/errors";

/** The raw bytes, capped while they stream in, and in time. Throws `PAYLOAD_TOO_LARGE`, `REQUEST_TIMEOUT`. */
export function readBody(stream: IncomingMessage, bytesMax: number, msMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      stream.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
      settle();
    };
    const refuse = (error: Error): void =>
      finish(() => {
        // The rest is read and thrown away, so that the answer can still be delivered.
        stream.resume();
        reject(error);
      });
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) refuse(new AppError("PAYLOAD_TOO_LARGE", `the body is larger than ${bytesMax} bytes`));
      else chunks.push(chunk);
    };
    const onEnd = (): void => finish(() => resolve(Buffer.concat(chunks)));
    const onError = (error: Error): void => finish(() => reject(error));
    const onClose = (): void =>
      finish(() => reject(new AppError("REQUEST_TIMEOUT", "the connection ended before the body did")));
    const timer = setTimeout(() => refuse(new AppError("REQUEST_TIMEOUT", "the body took too long to arrive")), msMax);
    stream.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
  });
}
