import { MongoClient } from "mongodb";
import { loadSetupConfig } from "../config.ts";
import { setupExecutionLogs } from "../setup.ts";

const { MONGODB_URL } = loadSetupConfig(process.env);
const client = new MongoClient(MONGODB_URL, { serverSelectionTimeoutMS: 5_000 });
try {
  await setupExecutionLogs(client.db());
  process.stdout.write("execution_logs: collection, validator and indexes are in place\n");
} catch (error) {
  process.stderr.write(`logs:setup failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await client.close();
}
