import { once } from "node:events";
import { createServer, type Server } from "node:net";

/** A server that only listens, and the variables that name it as each of the three stores. */
export async function listening(): Promise<{ readonly server: Server; readonly env: Record<string, string> }> {
  const server = createServer((socket) => socket.on("error", () => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  return {
    server,
    env: {
      DATABASE_URL: `postgres://${host}/b`,
      REDIS_URL: `redis://${host}`,
      MONGODB_URL: `mongodb://${host}`,
    },
  };
}
