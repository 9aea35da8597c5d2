import type { LogDocument } from "../store/execution-logs.ts";

/** Fields of a line whose GraphQL form differs from the stored one. */
export const logLine = {
  id: (line: LogDocument) => String(line._id),
  ts: (line: LogDocument) => line.ts.toISOString(),
  fields: (line: LogDocument) => line.fields ?? null,
};
