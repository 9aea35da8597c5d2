import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { defaultMailDir } from "./clone.ts";
import { type LocalApi, overridesFor, startLocalApi } from "./demo/local-api.ts";
import { playStory } from "./demo/play.ts";
import { readMailFiles } from "./demo/read-mail.ts";
import { createStory, type Outcome } from "./demo/story.ts";
import { tryNext } from "./demo/try-next.ts";
import { readHasuraUrl } from "./own-hasura.ts";
import { type Stack, startStack } from "./stack.ts";
import type { StackLock } from "./stack-lock.ts";

type RunOptions = {
  demo: boolean;
  once: boolean;
  fresh: boolean;
  lock: StackLock;
  /** Aborted at the first Ctrl-C, SIGTERM or SIGHUP. */
  signal: AbortSignal;
  print: (line: string) => void;
};

const INTERRUPTED = 130;

/** The stack of this clone in the terminal, until Ctrl-C or, with `once`, the end of the demo. Returns the exit code. */
export async function runStack(options: RunOptions): Promise<number> {
  const { signal, print } = options;
  const startedAt = performance.now();
  print("control plane: starting");
  const announceStop = (): void => print("\nstopping …");
  signal.addEventListener("abort", announceStop);
  const api = options.demo ? await startLocalApi(randomBytes(16).toString("base64url")) : undefined;
  let stack: Stack;
  try {
    stack = await startStack({
      ...(api === undefined ? {} : { overrides: overridesFor(api) }),
      fresh: options.fresh,
      lock: options.lock,
      mailDir: defaultMailDir,
      hasuraUrl: readHasuraUrl(),
      signal,
      log: (line) => print(`  · ${line}`),
    });
  } catch (error) {
    await api?.close();
    options.lock.release();
    print(signal.aborted ? "stopped" : `\ncould not start: ${error instanceof Error ? error.message : String(error)}`);
    return signal.aborted ? INTERRUPTED : 1;
  }
  try {
    print(`control plane: ready in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    for (const note of stack.notes) print(`  · ${note}`);
    return await use(stack, api, options);
  } finally {
    if (!signal.aborted) announceStop();
    await stack.stop();
    await api?.close();
    print("stopped; the data is kept in .local/ for the next start");
  }
}

async function use(stack: Stack, api: LocalApi | undefined, options: RunOptions): Promise<number> {
  const { signal, print } = options;
  const played = api === undefined ? undefined : await demo(stack, api, options);
  if (signal.aborted) return INTERRUPTED;
  if (options.once) return played === "failed" ? 1 : 0;
  for (const line of tryNext(stack, played === "failed" ? undefined : played)) print(line);
  print("\nrunning until Ctrl-C");
  if (!signal.aborted) await once(signal, "abort");
  return 0;
}

async function demo(
  stack: Stack,
  api: LocalApi,
  { signal, print }: RunOptions,
): Promise<Outcome | "failed" | undefined> {
  const story = createStory({
    hasuraUrl: stack.urls.hasura,
    hasRunner: stack.service("runner") !== undefined,
    hasLogs: stack.stores.mongodb !== undefined,
    api,
    readMail: readMailFiles(stack.mailDir),
  });
  if (!signal.aborted) print("\nthe demo\n");
  const { failed } = await playStory(story.steps, print, signal);
  if (signal.aborted) return undefined;
  if (failed === undefined) return story.outcome();
  print(`\nthe demo failed at: ${failed}. Logs: .local/stack/logs/`);
  return "failed";
}
