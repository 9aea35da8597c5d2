import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { AnswerTooLargeError, boundedSocket } from "../../src/run/bounded-socket.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A bounded socket, what it said at its end, and the other end of it. */
async function connected(bytesMax: number) {
  const server = createServer({ noDelay: true }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const accepted = once(server, "connection");
  const socket = boundedSocket(bytesMax);
  const errors: unknown[] = [];
  socket.on("error", (error) => errors.push(error));
  socket.connect(address.port, "127.0.0.1");
  const [peer]: Socket[] = await accepted;
  if (peer === undefined) throw new Error("nobody connected");
  peer.on("error", () => {});
  return { socket, peer, errors };
}

/** As PostgreSQL frames it. */
function message(type: string, bodyLength: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bodyLength + 4);
  return Buffer.concat([Buffer.from(type), length, Buffer.alloc(bodyLength, "Z")]);
}

async function send(peer: Socket, bytes: Buffer, step: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) {
    peer.write(bytes.subarray(at, at + step));
    await nextTurn();
  }
}

test.each([1, 3, 7, 1_000])(
  "answers up to the bound pass, one after the other, in pieces of %i bytes",
  async (step) => {
    const { socket, peer, errors } = await connected(400);
    const answer = Buffer.concat([
      message("T", 40),
      message("D", 120),
      message("D", 120),
      message("C", 9),
      message("Z", 1),
    ]);

    for (let count = 0; count < 3; count++) await send(peer, answer, step);
    await expect.poll(() => socket.bytesRead).toBe(answer.length * 3);

    expect(errors).toEqual([]);
    socket.destroy();
  },
);

test("an answer beyond the bound ends the connection when it is announced, before it has come", async () => {
  const { socket, peer, errors } = await connected(1_000_000);

  peer.write(Buffer.concat([message("T", 40), message("D", 50_000_000).subarray(0, 100)]));
  await expect.poll(() => socket.closed).toBe(true);

  expect(errors).toEqual([expect.any(AnswerTooLargeError)]);
  expect(socket.bytesRead).toBe(145);
});

test("many rows count together", async () => {
  const { socket, peer, errors } = await connected(1_000);

  peer.write(Buffer.concat(Array.from({ length: 11 }, () => message("D", 100))));
  await expect.poll(() => socket.closed).toBe(true);

  expect(errors).toEqual([expect.any(AnswerTooLargeError)]);
});
