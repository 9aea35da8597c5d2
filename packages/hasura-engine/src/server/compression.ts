import compress from "@fastify/compress";
import type { FastifyInstance } from "fastify";

/** A shorter answer gains nothing: it fits into one or two packets as it is. */
const BYTES_MIN = 2 * 1024;
/** Up to here an answer is compressed at once; a longer one in other threads, piece by piece, as fast as its client reads. */
const AT_ONCE_BYTES_MAX = 16 * 1024;

/**
 * Answers over HTTP are compressed for clients that ask for it; messages on sockets never are. Of an answer that is not taken
 * yet its share counts the bytes before: the whole text is held until its last piece is taken.
 */
export async function registerCompression(server: FastifyInstance): Promise<void> {
  await server.register(compress, {
    threshold: BYTES_MIN,
    syncThreshold: AT_ONCE_BYTES_MAX,
    encodings: ["br", "gzip"],
    // A few bytes of a request could become many.
    globalDecompression: false,
  });
}
