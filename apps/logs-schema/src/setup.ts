import type { CollectionInfo, CreateIndexesOptions, Db, IndexSpecification } from "mongodb";

const COLLECTION = "execution_logs";

const validator = {
  $jsonSchema: {
    bsonType: "object",
    required: ["v", "tenantId", "workflowRunId", "stepRunId", "attempt", "seq", "ts", "level", "message", "expiresAt"],
    properties: {
      v: { enum: [1] },
      tenantId: { bsonType: "string" },
      workflowRunId: { bsonType: "string" },
      stepRunId: { bsonType: ["string", "null"] },
      attempt: { bsonType: ["int", "long"], minimum: 0 },
      seq: { bsonType: ["int", "long"], minimum: 0 },
      ts: { bsonType: "date" },
      level: { enum: ["DEBUG", "INFO", "WARN", "ERROR"] },
      message: { bsonType: "string" },
      fields: { bsonType: ["object", "null"] },
      traceId: { bsonType: ["string", "null"] },
      expiresAt: { bsonType: "date" },
    },
  },
};

const indexes: readonly { name: string; purpose: string; keys: IndexSpecification; options: CreateIndexesOptions }[] = [
  {
    name: "run_page",
    purpose: "unique index",
    keys: { tenantId: 1, workflowRunId: 1, attempt: 1, seq: 1 },
    options: { unique: true },
  },
  { name: "step_page", purpose: "index", keys: { tenantId: 1, stepRunId: 1, seq: 1 }, options: {} },
  { name: "expiry", purpose: "TTL index", keys: { expiresAt: 1 }, options: { expireAfterSeconds: 0 } },
];

/** Codes of a server that does not know a command or an option: 59 CommandNotFound, 238 NotImplemented. */
const UNKNOWN_TO_SERVER = new Set([59, 238]);
const NAMESPACE_EXISTS = 48;

/**
 * Makes collection, validator and indexes; what is there already is brought to this state. Throws with the names of what
 * the server lacks, since logs without a unique or a TTL index would double or never go.
 */
export async function setupExecutionLogs(db: Db): Promise<void> {
  const lacking: string[] = [];
  await tolerate(lacking, "collection validators", async () => {
    const [present]: CollectionInfo[] = await db.listCollections({ name: COLLECTION }).toArray();
    if (present === undefined) await db.createCollection(COLLECTION, { validator }).catch(ignoreExisting);
    else await db.command({ collMod: COLLECTION, validator });
  });
  for (const { name, purpose, keys, options } of indexes) {
    await tolerate(lacking, `${purpose} ${name}`, async () => {
      await db.collection(COLLECTION).createIndex(keys, { ...options, name });
    });
  }
  if (lacking.length > 0) throw new Error(`this MongoDB server lacks: ${lacking.join(", ")}`);
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== NAMESPACE_EXISTS) throw error;
}

async function tolerate(lacking: string[], what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const code = codeOf(error);
    if (typeof code !== "number" || !UNKNOWN_TO_SERVER.has(code)) throw error;
    lacking.push(what);
  }
}
