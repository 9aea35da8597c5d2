// The peer: PostGraphile v5 with its Amber preset in production mode, over the same database, without permissions.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const { DATABASE_URL, PORT } = process.env;
const serving = postgraphile({
  extends: [PostGraphileAmberPreset],
  // It offers an order only by the first column of an index; the list is ordered by name within a tenant.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [makePgService({ connectionString: DATABASE_URL ?? "", schemas: ["public"], poolConfig: { max: 16 } })],
  grafserv: { watch: false, graphiql: false },
}).createServ(grafserv);
const server = createServer();
await serving.addTo(server);
// The schema is built on the first request; readiness waits for the port alone, the warm-up does the rest.
server.listen({ host: "127.0.0.1", port: Number(PORT) });
process.on("SIGTERM", () => process.exit(0));
