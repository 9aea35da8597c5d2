import { GraphQLScalarType } from "graphql";
import type { LogDocument } from "../store/execution-logs.ts";

/** Fields of a line whose GraphQL form differs from the stored one. */
export const logLine = {
  id: (line: LogDocument) => String(line._id),
  ts: (line: LogDocument) => line.ts.toISOString(),
  fields: (line: LogDocument) => line.fields ?? null,
};

/** Any JSON a runner attached to a line; only ever answered. */
export const logFields = new GraphQLScalarType({
  name: "LogFields",
  description: "JSON object a runner attached to the line",
});
