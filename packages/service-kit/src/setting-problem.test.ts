import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { settingProblem } from "./setting-problem.ts";

test("a port that is taken is the setting PORT's problem", async () => {
  const first = createServer().listen(0, "127.0.0.1");
  await once(first, "listening");
  const address = first.address();
  const port = typeof address === "object" ? address?.port : undefined;

  const [error] = await once(createServer().listen(port, "127.0.0.1"), "error").catch((thrown: unknown) => [thrown]);
  first.close();

  expect(settingProblem(error)).toEqual({ name: "PORT", message: expect.stringContaining("another program listens") });
});

test("an error that carries a setting is that setting's problem, any other is none", () => {
  const named = Object.assign(new Error("cannot be read"), { setting: "KEYRING_FILE" });

  expect(settingProblem(named)).toEqual({ name: "KEYRING_FILE", message: "cannot be read" });
  expect(settingProblem(new Error("a bug"))).toBeUndefined();
});
