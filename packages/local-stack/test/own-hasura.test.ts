import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "@control-plane/local-stores";
import { afterEach, beforeEach, expect, test } from "vitest";
import { awaitOwnHasura } from "../src/own-hasura.ts";

let stateDir = "";
let hasura: Server | undefined;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "cp-own-hasura-"));
});
afterEach(async () => {
  hasura?.close();
  await rm(stateDir, { recursive: true, force: true });
});

/** What `docker run` with the printed options would do: the settings of the file, and the network of this machine. */
async function runAsPrinted(text: string): Promise<Server> {
  const [, file = ""] = /docker run --rm --network host --env-file (\S+) /.exec(text) ?? [];
  const settings = new URLSearchParams((await readFile(file, "utf8")).trim().replaceAll("\n", "&"));
  const server = createServer((_request, reply) => reply.end("OK"));
  server.listen(Number(settings.get("HASURA_GRAPHQL_SERVER_PORT")), "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("the printed command runs a Hasura that answers at HASURA_URL, whatever its port", async () => {
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const engineEnv = { PG_DATABASE_URL: "postgres://cp_hasura@127.0.0.1/x", HASURA_GRAPHQL_SERVER_PORT: "8080" };
  const printed: string[] = [];

  const answered = awaitOwnHasura({ url, engineEnv, stateDir, signal: undefined, log: (line) => printed.push(line) });
  hasura = await runAsPrinted(printed.join("\n"));

  await expect(answered).resolves.toBe(undefined);
  expect((await stat(join(stateDir, "hasura.env"))).mode & 0o777).toBe(0o600);
});
