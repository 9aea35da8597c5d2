import { spawnSync } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { armFailpoints, failpoint, parseFailpoints } from "../src/failpoint.ts";

function arm(text: string): void {
  const armed = parseFailpoints(text);
  if (typeof armed === "string") throw new Error(armed);
  armFailpoints(armed);
}

/** What a process of its own does that runs `code`. */
function run(code: string, env: Record<string, string>) {
  return spawnSync(process.execPath, ["--conditions=@control-plane/source", "--input-type=module", "-e", code], {
    cwd: import.meta.dirname,
    encoding: "utf8",
    env: { PATH: process.env.PATH ?? "", PORT: "0", ...env },
  });
}

const READS_ITS_SETTINGS = `
  import { httpConfig, readConfig } from "../src/index.ts";
  import { armFailpoints, failpoint } from "../src/failpoint.ts";
  import { z } from "zod";
  armFailpoints(readConfig("test", z.object(httpConfig), process.env).FAILPOINTS);
  await failpoint("gateway.after-verify");
  await failpoint("gateway.after-insert");
  console.log("survived");
`;

afterEach(() => armFailpoints([]));

test("a failpoint that nobody armed does nothing", () => {
  expect(failpoint("gateway.after-insert")).toBeUndefined();
  arm("gateway.after-verify:throw");
  return expect(failpoint("gateway.after-insert")).resolves.toBeUndefined();
});

test("a failpoint takes effect on every pass, or on the one that is named", async () => {
  arm("claim.after-commit:throw, dispatch.after-add:throw@2");
  await expect(failpoint("claim.after-commit")).rejects.toThrow("claim.after-commit");
  await expect(failpoint("claim.after-commit")).rejects.toThrow("claim.after-commit");
  await failpoint("dispatch.after-add");
  await expect(failpoint("dispatch.after-add")).rejects.toThrow("dispatch.after-add");
  await failpoint("dispatch.after-add");
});

test("chance decides where a probability is given", async () => {
  arm("claim.after-commit:throw@p1");
  await expect(failpoint("claim.after-commit")).rejects.toThrow("claim.after-commit");
  arm("claim.after-commit:throw@p0.0");
  await failpoint("claim.after-commit");
});

test("a delay passes, a hang does not", async () => {
  arm("claim.after-commit:delay=1, dispatch.after-add:hang");
  await failpoint("claim.after-commit");
  const hanging = Promise.resolve(failpoint("dispatch.after-add")).then(() => "went on");
  await expect(Promise.race([hanging, failpoint("claim.after-commit")])).resolves.toBeUndefined();
});

test.each([
  "gateway.after-insret:kill",
  "gateway.after-insert",
  "gateway.after-insert:explode",
  "gateway.after-insert:kill@p2",
  "gateway.after-insert:kill@-1",
  "gateway.after-insert:delay",
])("%s is refused", (text) => {
  expect(parseFailpoints(text)).toContain(text);
});

test("a process dies of SIGKILL at the place that is named, and says where", () => {
  const ended = run(READS_ITS_SETTINGS, { FAILPOINTS: "gateway.after-insert:kill" });
  expect(ended.signal).toBe("SIGKILL");
  expect(ended.stdout).toBe("");
  expect(JSON.parse(ended.stderr)).toEqual({ failpoint: "gateway.after-insert", deed: "kill", pass: 1 });
});

test("a process refuses to start with failpoints in production, or with ones it cannot read", () => {
  const inProduction = run(READS_ITS_SETTINGS, { FAILPOINTS: "gateway.after-insert:kill", NODE_ENV: "production" });
  expect(inProduction.status).toBe(1);
  expect(inProduction.stderr).toContain("FAILPOINTS: is set, and NODE_ENV=production allows none");
  const unreadable = run(READS_ITS_SETTINGS, { FAILPOINTS: "gateway:kill" });
  expect(unreadable.status).toBe(1);
  expect(unreadable.stderr).toContain("FAILPOINTS: gateway:kill is not");
  expect(run(READS_ITS_SETTINGS, { NODE_ENV: "production" }).stdout).toBe("survived\n");
});
