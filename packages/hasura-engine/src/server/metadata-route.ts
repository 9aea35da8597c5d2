import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { HasuraError, type HasuraErrorCode } from "../hasura-error.ts";
import type { Authenticator } from "../session/authenticator.ts";
import type { EngineSettings } from "../settings.ts";
import { toHasuraError } from "./error-answer.ts";
import { bodyText, headerMap } from "./request-facts.ts";
import type { MetadataHolder, ServedEngine } from "./served-engine.ts";

export type MetadataRouteOptions = {
  readonly engine: ServedEngine;
  readonly metadata: MetadataHolder;
  readonly authenticator: Authenticator;
  readonly settings: Pick<EngineSettings, "devMode" | "adminInternalErrors">;
};

const operationSchema = z.object({ type: z.string(), args: z.unknown(), version: z.int().optional() });

/** `POST /v1/metadata`, for admins: four of Hasura's operations, with true status codes. */
export function registerMetadataRoute(server: FastifyInstance, options: MetadataRouteOptions): void {
  server.post("/v1/metadata", async (request, reply) => {
    let admin = false;
    try {
      const session = await options.authenticator.authenticate(headerMap(request.headers));
      if (!session.admin) throw new HasuraError("access-denied", "You have to be an admin to access this endpoint");
      admin = true;
      return await runOperation(parseBody(bodyText(request)), options, "$");
    } catch (error) {
      const { code, message, path, internal } = toHasuraError(error);
      const shown =
        internal !== undefined && (options.settings.devMode || (admin && options.settings.adminInternalErrors));
      return reply.code(statusOf(code)).send({ path, error: message, code, ...(shown ? { internal } : {}) });
    }
  });
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HasuraError("invalid-json", "the body is not JSON", "$", { cause: error });
  }
}

async function runOperation(body: unknown, options: MetadataRouteOptions, path: string): Promise<unknown> {
  const operation = operationSchema.safeParse(body);
  if (!operation.success) throw new HasuraError("parse-failed", 'an object with "type" and "args" is expected', path);
  const { type, args, version } = operation.data;
  switch (type) {
    case "export_metadata":
      return version === 2 ? { resource_version: 1, metadata: options.metadata.current() } : options.metadata.current();
    case "reload_metadata":
      await options.metadata.reload();
      return { message: "success", ...inconsistencyReport(options.engine) };
    case "get_inconsistent_metadata":
      return inconsistencyReport(options.engine);
    case "bulk": {
      const operations = z.array(z.unknown()).safeParse(args);
      if (!operations.success)
        throw new HasuraError("parse-failed", "a list of operations is expected", `${path}.args`);
      const answers: unknown[] = [];
      for (const [index, item] of operations.data.entries())
        answers.push(await runOperation(item, options, `${path}.args[${index}]`));
      return answers;
    }
    default:
      throw new HasuraError("not-supported", `${type} is not supported by the embedded engine`, `${path}.type`);
  }
}

function inconsistencyReport(engine: ServedEngine) {
  const found = engine
    .inconsistencies()
    .map(({ definition, name, reason, type }) => ({ definition, name, reason, type }));
  return { is_consistent: found.length === 0, inconsistent_objects: found };
}

function statusOf(code: HasuraErrorCode): number {
  if (code === "access-denied" || code === "invalid-headers" || code === "invalid-jwt") return 401;
  if (code === "not-found") return 404;
  return code === "unexpected" ? 500 : 400;
}
