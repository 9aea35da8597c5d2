import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { repository } from "./read-metadata.ts";

const { findForbidden } = z
  .object({ findForbidden: z.function({ input: [z.string(), z.string()], output: z.array(z.string()) }) })
  .parse(await import(join(repository, "infra/ci/source-rules.mjs")));

test.each([
  ["apps/a/src/b.ts", "const run = eval(text);"],
  ["apps/a/src/b.ts", 'return new Function("a", text);'],
  ["apps/a/src/b.ts", 'import { spawn } from "node:child_process";'],
  ["apps/a/src/b.ts", 'const vm = await import("vm");'],
  ["apps/a/src/b.ts", 'import { timingSafeEqual } from "node:crypto";'],
  ["apps/a/src/b.ts", "if (given === options.actionSecret) return true;"],
  ["apps/a/src/b.ts", "if (row.token !== request.body) return false;"],
  ["apps/runner-python/src/runner/a.py", "    result = eval(expression)"],
  ["apps/runner-python/src/runner/a.py", "import subprocess"],
  ["apps/runner-python/src/runner/a.py", "    os.system(command)"],
  ["apps/runner-python/src/runner/a.py", "    return pattern == self.token"],
])("in %s the line %s is not let through", (file, line) => {
  expect(findForbidden(file, `\n${line}\n`)).toEqual([expect.stringContaining(`${file}:2 `)]);
});

test.each([
  ["apps/a/src/b.ts", "const found = PATTERN.exec(text) ?? isFunction(value);"],
  ["apps/a/src/b.ts", 'if (token === undefined || password !== "") return secretMatches(token, tokens);'],
  ["apps/a/src/b.ts", "// A secret === another is what nobody writes here."],
  ["packages/service-kit/src/secrets.ts", "if (timingSafeEqual(digest, sha256(candidate))) matches = true;"],
  ["apps/runner-python/src/runner/a.py", "    pattern = re.compile(text)"],
])("in %s the line %s is", (file, line) => {
  expect(findForbidden(file, line)).toEqual([]);
});
