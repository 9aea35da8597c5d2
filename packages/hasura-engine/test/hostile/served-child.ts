import { createEngine } from "../../src/engine.ts";
import { buildServer } from "../../src/server.ts";
import { settingsFromEnv } from "../../src/settings.ts";
import { metadataOf } from "../events/world.ts";
import { tables } from "./tables.ts";

// A served engine in a process of its own, with the little memory its parent gives it. Prints its URL when it listens.

const settings = settingsFromEnv(process.env);
const engine = await createEngine({
  metadata: metadataOf(tables),
  databaseUrl: process.env.PG_DATABASE_URL ?? "",
  settings,
  events: false,
});
const server = await buildServer(engine, { settings });
console.log(await server.listen({ host: "127.0.0.1", port: 0 }));
process.once("SIGTERM", async () => {
  await server.close();
  await engine.close();
});
