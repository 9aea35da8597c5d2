import type { Socket } from "node:net";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { Client, type Dispatcher } from "undici";
import { EgressError } from "./failure.ts";
import { codeOf } from "./resolve.ts";
import type { Target } from "./target.ts";

/** One request as it goes over one connection. */
export type Outgoing = {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
};

export type Answer = {
  readonly status: number;
  /** Lower-case names; the values of a repeated header are joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Unpacked. */
  readonly body: Buffer;
};

type Head = Omit<Answer, "body"> & { readonly stream: AsyncIterable<Uint8Array> };

const HEAD_BYTES_MAX = 16 * 1024;
const UNPACK: Readonly<Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip),
  "x-gzip": promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip),
  deflate: promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate),
};

/**
 * Sends over a connection that is open already, hands the answer's head to `read`, and closes the connection afterwards
 * whatever happened.
 */
export async function exchange<T>(
  socket: Socket,
  target: Target,
  outgoing: Outgoing,
  signal: AbortSignal,
  read: (head: Head) => Promise<T>,
): Promise<T> {
  let isTaken = false;
  const client = new Client(target.url.origin, {
    connect: (_options, done) => {
      // undici would connect anew after a lost connection; this one is the only one that was judged.
      const isSecond = isTaken;
      isTaken = true;
      // An answer within the call would find undici in the middle of its own turn, and nothing would be sent.
      queueMicrotask(() => (isSecond ? done(new EgressError("RESPONSE_INVALID"), null) : done(null, socket)));
    },
    allowH2: false,
    maxHeaderSize: HEAD_BYTES_MAX,
    // The caller's signal is the one limit of time.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const answer = await client.request({
      method: outgoing.method,
      path: outgoing.path,
      headers: { ...outgoing.headers, host: target.url.host },
      body: outgoing.body ?? null,
      signal,
      reset: true,
    });
    // Two places to go to are none: intermediaries would take either.
    if (Array.isArray(answer.headers["location"])) throw new EgressError("RESPONSE_INVALID");
    return await read({
      status: answer.statusCode,
      headers: joinedHeaders(answer.headers),
      stream: answer.body,
    });
  } catch (error) {
    throw asEgressError(error, signal);
  } finally {
    client.destroy().catch(() => undefined);
    socket.destroy();
  }
}

/** The whole body of an answer; ends with RESPONSE_TOO_LARGE above the cap, packed or unpacked. */
export async function readBody({ status, headers, stream }: Head, bytesMax: number): Promise<Answer> {
  const announced = Number(headers["content-length"] ?? "0");
  if (announced > bytesMax) throw new EgressError("RESPONSE_TOO_LARGE");
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > bytesMax) throw new EgressError("RESPONSE_TOO_LARGE");
    chunks.push(chunk);
  }
  const packed = Buffer.concat(chunks);
  return { status, headers, body: await unpacked(packed, headers["content-encoding"] ?? "identity", bytesMax) };
}

async function unpacked(packed: Buffer, coding: string, bytesMax: number): Promise<Buffer> {
  const name = coding.trim().toLowerCase();
  if (packed.length === 0 || name === "identity" || name === "") return packed;
  const unpack = Object.hasOwn(UNPACK, name) ? UNPACK[name] : undefined;
  if (unpack === undefined) throw new EgressError("RESPONSE_INVALID");
  return unpack(packed, { maxOutputLength: bytesMax }).catch((cause: unknown) => {
    throw new EgressError(codeOf(cause) === "ERR_BUFFER_TOO_LARGE" ? "RESPONSE_TOO_LARGE" : "RESPONSE_INVALID", {
      cause,
    });
  });
}

function joinedHeaders(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}

function asEgressError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof EgressError || signal.aborted) return error;
  const code = codeOf(error);
  if (code === "UND_ERR_HEADERS_OVERFLOW") return new EgressError("RESPONSE_TOO_LARGE", { cause: error });
  if (code === "UND_ERR_INVALID_ARG") return new EgressError("REQUEST_INVALID", { cause: error });
  return new EgressError("RESPONSE_INVALID", { cause: error });
}
