import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { FastifyAdapter } from "@bull-board/fastify";
import type { OpenQueue } from "@control-plane/queue";
import { errorBody, secretMatches } from "@control-plane/service-kit";
import { AppError } from "@control-plane/service-kit/errors";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";

const PATH = "/ops/queues";

export type OpsOptions = { secret: string; queues: readonly Pick<OpenQueue, "queue">[] };

/** The queues as operators see them. Nothing is changed here: changes go through the actions. */
export async function registerOpsRoutes(server: FastifyInstance, { secret, queues }: OpsOptions): Promise<void> {
  const board = new FastifyAdapter();
  board.setBasePath(PATH);
  createBullBoard({
    queues: queues.map(({ queue }) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: board,
  });
  const routes: FastifyPluginAsync = async (scope) => {
    // Answered here: the board has an error handler of its own, which makes a 500 of everything.
    scope.addHook("onRequest", async (request, reply) => {
      const refusal = refuse(request, secret);
      if (refusal === undefined) return;
      if (refusal.code === "UNAUTHENTICATED") reply.header("www-authenticate", 'Basic realm="queues", charset="UTF-8"');
      const { status, body } = errorBody(refusal, request.id);
      return reply.status(status).send(body);
    });
    await scope.register(board.registerPlugin(), { prefix: PATH });
  };
  await server.register(routes);
}

/** HTTP Basic with any user: browsers ask for it by themselves. */
function refuse(request: FastifyRequest, secret: string): AppError | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,1024})$/i.exec(request.headers.authorization ?? "")?.[1];
  const credentials = encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
  const password = credentials?.slice(credentials.indexOf(":") + 1);
  if (!secretMatches(password, [secret])) return new AppError("UNAUTHENTICATED", "the secret of operators is needed");
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  return new AppError("METHOD_NOT_ALLOWED", "the queues are only shown here");
}
