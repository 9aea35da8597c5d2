import { connect, createServer } from "node:net";
import { onTestFinished } from "vitest";

/** A wire to PostgreSQL on which bytes stop without the connection ending. */
export async function hangingWire(target: URL) {
  let hangs = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
    near.on("data", (bytes) => {
      if (!hangs) far.write(bytes);
    });
    far.on("data", (bytes) => {
      if (!hangs) near.write(bytes);
    });
    near.on("close", () => far.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  const address = server.address();
  const url = new URL(target);
  url.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: url.toString(),
    set(hanging: boolean) {
      hangs = hanging;
    },
  };
}
