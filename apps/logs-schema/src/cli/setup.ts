import { MongoClient } from "mongodb";
import { setupExecutionLogs } from "../setup.ts";

const url = process.env.MONGODB_URL;
if (url === undefined || url === "") {
  process.stderr.write("MONGODB_URL is not set\n");
  process.exit(1);
}
const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
try {
  await setupExecutionLogs(client.db());
  process.stdout.write("execution_logs: collection, validator and indexes are in place\n");
} catch (error) {
  process.stderr.write(`logs:setup failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await client.close();
}
