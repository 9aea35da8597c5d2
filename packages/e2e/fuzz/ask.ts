import { type Engine, HasuraError, type Session } from "@control-plane/hasura-engine";
import type { HasuraRole } from "@control-plane/service-kit";
import type { Document } from "./generate-document.ts";

/** JSON text of the data, or of the refusal. */
export type Answer = { readonly text: string; readonly code: string | undefined };

export function sessionOf(role: HasuraRole, tenantId: string, userId: string): Session {
  return {
    role,
    variables: new Map([
      ["x-hasura-role", role],
      ["x-hasura-tenant-id", tenantId],
      ["x-hasura-user-id", userId],
    ]),
    backendOnly: false,
    admin: false,
    expiresAt: undefined,
  };
}

/** Asks an engine as its edges do; of a subscription the first answer counts. */
export async function ask(engine: Engine, document: Document, session: Session): Promise<Answer> {
  try {
    const body = JSON.stringify({ query: document.text, variables: document.variables });
    const [request] = engine.parseRequestBody(body).requests;
    if (request === undefined) throw new Error("no request was read");
    if (document.operation === "subscription")
      return { text: await firstAnswer(engine, request, session), code: undefined };
    const { dataText } = await engine.execute(request, { session, clientHeaders: new Map(), requestId: "fuzz" });
    return { text: dataText, code: undefined };
  } catch (error) {
    if (!(error instanceof HasuraError)) throw error;
    const { code, path, message } = error;
    return { text: JSON.stringify({ code, path, message }), code };
  }
}

async function firstAnswer(engine: Engine, request: Parameters<Engine["plan"]>[0], session: Session): Promise<string> {
  let stop = (): void => {};
  try {
    return await new Promise((next, fail) => {
      stop = engine.subscribe(engine.plan(request, session), { session }, { next, pollFailed: fail });
    });
  } finally {
    stop();
  }
}
