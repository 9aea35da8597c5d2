import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { type LocalApi, overridesFor, startLocalApi } from "./demo/local-api.ts";
import { nextCommands, playStory } from "./demo/play.ts";
import { readMailFiles } from "./demo/read-mail.ts";
import { createStory } from "./demo/story.ts";
import { hasuraCheck } from "./hasura-check.ts";
import { playRolling } from "./rolling/rolling.ts";
import { defaultMailDir, defaultStateDir, resetStack, type Stack, startStack } from "./stack.ts";

const USAGE = `usage: cli.ts start [--once] [--fresh] | stack [--fresh] | hasura-check | rolling | reset
  start         the whole control plane, then the demo; stays up until Ctrl-C
  start --once  the same, ends with 0 when the demo succeeded, with 1 and the failing step's name when not
  stack         the control plane without the demo
  --fresh       deletes the data of earlier starts first
  rolling       SIGTERM to each service under load, with two processes of each behind Caddy; no request may fail
  reset         deletes data, secrets, logs and mails`;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function logProgress(line: string): void {
  print(`  · ${line}`);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        once: { type: "boolean", default: false },
        fresh: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    print(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
    return undefined;
  }
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments() ?? { values: {}, positionals: [] };
  const [command] = positionals;
  const startOptions = { once: values.once ?? false, fresh: values.fresh ?? false };
  if (values.help || command === undefined) {
    print(USAGE);
    return values.help ? 0 : 1;
  }
  switch (command) {
    case "start":
      return run({ demo: true, ...startOptions });
    case "stack":
      return run({ demo: false, ...startOptions });
    case "hasura-check":
      return hasuraCheck(print);
    case "rolling":
      return playRolling(print);
    case "reset":
      await resetStack(defaultStateDir, defaultMailDir);
      print("deleted: data, secrets, logs and mails of this clone; the next start begins anew");
      return 0;
    default:
      print(USAGE);
      return 1;
  }
}

/** Aborted at the first Ctrl-C, SIGTERM or SIGHUP; further ones are ignored while everything stops. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => controller.abort());
  return controller.signal;
}

async function run(options: { demo: boolean; once: boolean; fresh: boolean }): Promise<number> {
  const signal = stopSignal();
  const startedAt = performance.now();
  print("control plane: starting");
  const announceStop = (): void => print("\nstopping as soon as this step is done …");
  signal.addEventListener("abort", announceStop);
  const api = options.demo ? await startLocalApi(randomBytes(16).toString("base64url")) : undefined;
  let stack: Stack;
  try {
    stack = await startStack({
      ...(api === undefined ? {} : { overrides: overridesFor(api) }),
      fresh: options.fresh,
      mailDir: defaultMailDir,
      hasuraUrl: readHasuraUrl(),
      signal,
      log: logProgress,
    });
  } catch (error) {
    await api?.close();
    print(signal.aborted ? "stopped" : `\ncould not start: ${error instanceof Error ? error.message : String(error)}`);
    return signal.aborted ? 130 : 1;
  } finally {
    signal.removeEventListener("abort", announceStop);
  }
  try {
    print(`control plane: ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    for (const note of stack.notes) print(`  · ${note}`);
    const failed = api !== undefined && !signal.aborted ? await demo(stack, api) : undefined;
    if (failed !== undefined && options.once) return 1;
    if (options.once) return signal.aborted ? 130 : 0;
    printUrls(stack);
    print("\nrunning until Ctrl-C");
    if (!signal.aborted) await once(signal, "abort");
    return 0;
  } finally {
    print("\nstopping …");
    await stack.stop();
    await api?.close();
    print("stopped; the data is kept in .local/ for the next start");
  }
}

function readHasuraUrl(): string | undefined {
  const text = process.env.HASURA_URL ?? "";
  if (text === "") return undefined;
  if (/^https?:/.test(text) && URL.canParse(text)) return text.replace(/\/+$/, "");
  throw new Error("HASURA_URL is not an http or https URL; mend it, or unset it to have the embedded engine");
}

/** The name of the failing step, if one fails. */
async function demo(stack: Stack, api: LocalApi): Promise<string | undefined> {
  const story = createStory({
    hasuraUrl: stack.urls.hasura,
    hasRunner: stack.service("runner") !== undefined,
    hasLogs: stack.stores.mongodb !== undefined,
    api,
    readMail: readMailFiles(stack.mailDir),
  });
  print("\nthe demo\n");
  const { failed } = await playStory(story.steps, print);
  if (failed !== undefined) {
    print(`\nthe demo failed at: ${failed}. Logs: .local/stack/logs/`);
    return failed;
  }
  const outcome = story.outcome();
  print(`\ndemo user: ${outcome.email}  password: ${outcome.password}`);
  print("\ntry next:");
  for (const command of nextCommands(stack.urls.hasura, outcome)) print(`  ${command}`);
  return undefined;
}

function printUrls(stack: Stack): void {
  print(`
  GraphQL API and console  ${stack.urls.hasura}   (admin secret: .local/stack/secrets.json)
  direct sign-in           ${stack.urls.authActions}/auth/login
  webhooks                 ${stack.urls.webhookGateway}/hooks/<path>
  runner API               ${stack.urls.orchestrator}/runner/v1
  logs                     .local/stack/logs/
  mails                    .local/mail/`);
}

const code = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
});
process.exitCode = code;
