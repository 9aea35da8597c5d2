import { z } from "zod";
import { SCANNED_MAX } from "../src/store/execution-logs.ts";
import { LOGS_WAIT_MS, type Service } from "./service.ts";

/** Every command the driver sends for the service, from here on. */
export function watchCommands({ deps }: Pick<Service, "deps">): Record<string, unknown>[] {
  const commands: Record<string, unknown>[] = [];
  deps.mongo.on("commandStarted", ({ command }) => commands.push(command));
  return commands;
}

const uuid = z.uuid();
const place = z.int().min(0);
const beyond = z.union([z.strictObject({ $gt: place }), z.strictObject({ $lt: place })]);
const order = z.union([z.literal(1), z.literal(-1)]);

/** Where the lines are: the only thing a query must always say. */
function rangeOf(tenantId: string) {
  const tenant = z.literal(tenantId);
  return z.union([
    z.strictObject({
      tenantId: tenant,
      workflowRunId: uuid,
      attempt: z.union([place, beyond]).optional(),
      seq: beyond.optional(),
    }),
    z.strictObject({ tenantId: tenant, stepRunId: uuid, seq: beyond.optional() }),
  ]);
}

const narrowing = z.strictObject({
  stepRunId: uuid.optional(),
  attempt: place.optional(),
  level: z.strictObject({ $in: z.array(z.enum(["INFO", "WARN", "ERROR"])) }).optional(),
  ts: z.strictObject({ $gte: z.date().optional(), $lt: z.date().optional() }).optional(),
  message: z.strictObject({ $regex: z.string(), $options: z.literal("i") }).optional(),
});
const sort = z.union([
  z.map(z.enum(["attempt", "seq"]), order),
  z.strictObject({ attempt: order.optional(), seq: order }),
]);
const everyCommand = { maxTimeMS: z.literal(LOGS_WAIT_MS), lsid: z.unknown(), $db: z.string() };

/** Everything the service may ever send to MongoDB for a tenant; nothing else has a place in it. */
export function allowedCommand(tenantId: string) {
  return z.union([
    z.strictObject({
      find: z.literal("execution_logs"),
      filter: rangeOf(tenantId),
      sort,
      limit: place,
      batchSize: place,
      ...everyCommand,
    }),
    z.strictObject({
      find: z.literal("execution_logs"),
      filter: rangeOf(tenantId),
      projection: z.strictObject({ attempt: z.literal(1), seq: z.literal(1) }),
      sort,
      skip: z.literal(SCANNED_MAX - 1),
      limit: z.literal(2),
      ...everyCommand,
    }),
    z.strictObject({
      aggregate: z.literal("execution_logs"),
      pipeline: z.tuple([
        z.strictObject({ $match: rangeOf(tenantId) }),
        z.strictObject({ $sort: sort }),
        z.strictObject({ $limit: z.literal(SCANNED_MAX) }),
        z.strictObject({ $match: narrowing }),
        z.strictObject({ $limit: place }),
      ]),
      cursor: z.strictObject({ batchSize: place }),
      ...everyCommand,
    }),
  ]);
}
