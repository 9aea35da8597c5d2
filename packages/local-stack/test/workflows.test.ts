import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { composeServices, readText } from "./compose-file.ts";
import { repository } from "./read-metadata.ts";

// No workflow runs here, so what can be known of them without GitHub is.

const NAMES = readdirSync(join(repository, ".github/workflows")).sort();
const stepSchema = z.looseObject({ uses: z.string().optional(), run: z.string().optional() });
const workflowSchema = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(
    z.string(),
    z.looseObject({
      "timeout-minutes": z.int(),
      needs: z.union([z.string(), z.array(z.string())]).optional(),
      permissions: z.record(z.string(), z.string()).default({}),
      environment: z.string().optional(),
      steps: z.array(stepSchema),
    }),
  ),
});
const read = (name: string) => workflowSchema.parse(parse(readText(`.github/workflows/${name}`)));
const stepsOf = (name: string) => Object.values(read(name).jobs).flatMap(({ steps }) => steps);

test("there are the three", () => {
  expect(NAMES).toEqual(["ci.yaml", "compose.yaml", "deploy.yaml"]);
});

test.each(NAMES)("%s takes actions by commit, reads the repository and nothing more, and ends in time", (name) => {
  const { on, permissions, jobs } = read(name);
  const actions = stepsOf(name).flatMap(({ uses }) => uses ?? []);

  expect(actions.filter((action) => !/^actions\/[a-z-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
  expect(permissions).toEqual({ contents: "read" });
  expect(Object.keys(on)).not.toContain("pull_request_target");
  expect(Math.max(...Object.values(jobs).map((job) => job["timeout-minutes"]))).toBeLessThanOrEqual(90);
  // The job that moves the tag of the last deploy may write, and it runs nothing else.
  const writing = Object.entries(jobs).filter(([, job]) => Object.values(job.permissions).includes("write"));
  expect(writing.map(([job]) => job)).toEqual(name === "deploy.yaml" ? ["remember"] : []);
});

test.each(NAMES)("no text from outside becomes a part of a command in %s, and no secret an argument", (name) => {
  const commands = stepsOf(name).flatMap(({ run }) => run ?? []);

  expect(commands.filter((command) => command.includes("${{"))).toEqual([]);
  expect(
    commands.filter((command) =>
      /set -x|--(password|admin-secret)[= ]"?\$(?!HASURA_GRAPHQL_ADMIN_SECRET")/.test(command),
    ),
  ).toEqual([]);
});

test.each(NAMES)("what %s names is there", (name) => {
  const text = stepsOf(name)
    .flatMap(({ run }) => run ?? [])
    .join("\n");
  const files = [...text.matchAll(/\b(?:infra|docs|packages|apps|hasura)\/[\w./-]+\.(?:mjs|yaml|Dockerfile)\b/g)].map(
    ([file]) => file,
  );
  const services = [...text.matchAll(/docker compose (?:exec --no-TTY|run --rm --no-deps|cp) ([a-z-]+)/g)].map(
    (match) => match[1] ?? "",
  );

  expect(files.filter((file) => !existsSync(join(repository, file)))).toEqual([]);
  expect(services.filter((service) => composeServices()[service] === undefined)).toEqual([]);
});

test("a deploy prepares the stores first, then rolls out the apps, then the metadata", () => {
  const { jobs } = read("deploy.yaml");
  const needs = Object.fromEntries(Object.entries(jobs).map(([job, { needs = [] }]) => [job, [needs].flat()]));

  expect(needs).toMatchObject({
    prepare: ["plan", "images"],
    apps: ["plan", "images", "prepare"],
    metadata: ["plan", "apps"],
  });
  // Who may deploy is decided by the environment that holds the secrets.
  const withSecrets = Object.entries(jobs).filter(([, job]) => JSON.stringify(job).includes("secrets."));
  expect(withSecrets.filter(([, { environment }]) => environment === undefined)).toEqual([]);
});

function plan(...args: string[]): string[] {
  return execFileSync(process.execPath, [join(repository, "infra/ci/plan-deploy.mjs"), ...args], { encoding: "utf8" })
    .trim()
    .split("\n");
}

test("a deploy of everything has every app, and a job has its image", () => {
  const apps = readdirSync(join(repository, "apps")).sort();
  const everything = [
    `apps=${JSON.stringify(apps)}`,
    'jobs=["migrate","logs-setup"]',
    `images=${JSON.stringify([...apps, "db"])}`,
  ];

  expect(plan("--apps", "all")).toEqual(everything);
  expect(plan("--apps", "changed", "--since", "no-such-ref")).toEqual(everything);
});

test("a deploy of one app is of that app alone, and of an unknown one is refused", () => {
  expect(plan("--apps", "orchestrator")).toEqual(['apps=["orchestrator"]', "jobs=[]", 'images=["orchestrator"]']);
  expect(() => plan("--apps", "orchestra")).toThrow("there is no orchestra");
});

test("a deploy of what changed since this very commit is of nothing", () => {
  expect(plan("--apps", "changed", "--since", "HEAD")).toEqual(["apps=[]", "jobs=[]", "images=[]"]);
});
