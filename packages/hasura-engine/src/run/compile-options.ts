import type { Session } from "../session/session.ts";
import type { EngineSettings } from "../settings.ts";
import type { CompileOptions } from "../sql/statement.ts";
import { answerBytesMax } from "./bounded-socket.ts";

/** How statements of the session's documents are written. The admin's lists end with their answer only. */
export function compileOptions(
  { admin }: Pick<Session, "admin">,
  { stringifyNumericTypes, shareLimits }: Pick<EngineSettings, "stringifyNumericTypes" | "shareLimits">,
): CompileOptions {
  return { stringifyNumericTypes, listBytesMax: admin ? Number.POSITIVE_INFINITY : answerBytesMax(admin, shareLimits) };
}
