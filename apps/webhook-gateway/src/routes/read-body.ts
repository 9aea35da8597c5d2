import type { IncomingMessage } from "node:http";
import { AppError } from "@control-plane/service-kit/errors";

/** The raw bytes, capped while they stream in, and in time. Throws `PAYLOAD_TOO_LARGE`, `REQUEST_TIMEOUT`. */
export function readBody(stream: IncomingMessage, bytesMax: number, msMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    const refuse = (error: Error): void => {
      // The rest is read and thrown away, so that the answer can still be delivered.
      stream.off("data", onData).resume();
      finish(error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax) refuse(new AppError("PAYLOAD_TOO_LARGE", `the body is larger than ${bytesMax} bytes`));
      else chunks.push(chunk);
    };
    const timer = setTimeout(() => refuse(new AppError("REQUEST_TIMEOUT", "the body took too long to arrive")), msMax);
    stream.on("data", onData);
    stream.on("end", () => {
      clearTimeout(timer);
      const [only] = chunks;
      resolve(only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks));
    });
    stream.on("error", finish);
    stream.on("close", () => {
      if (!stream.readableEnded) finish(new AppError("REQUEST_TIMEOUT", "the connection ended before the body did"));
    });
  });
}
