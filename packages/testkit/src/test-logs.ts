import { type Collection, type Db, MongoClient } from "mongodb";
import { storeUrl } from "./store-urls.ts";
import { uniqueName } from "./unique.ts";

export type TestLogs = {
  /** Names the test's own database: what a service gets as `MONGODB_URL`. */
  readonly url: string;
  readonly db: Db;
  /** `execution_logs`, without validator and indexes until `logs:setup` has run on `url`. */
  readonly lines: Collection;
};

export async function openTestLogs(): Promise<TestLogs & { close(): Promise<void> }> {
  const url = new URL(storeUrl("MONGODB_URL"));
  const name = uniqueName("testkit");
  url.pathname = `/${name}`;
  const client = await new MongoClient(url.toString()).connect();
  const db = client.db(name);
  return {
    url: url.toString(),
    db,
    lines: db.collection("execution_logs"),
    async close() {
      await db.dropDatabase();
      await client.close();
    },
  };
}
