import { parseArgs } from "node:util";
import { defaultMailDir, defaultStateDir } from "./clone.ts";
import { lockStack, StackRunningError } from "./stack-lock.ts";

// What a command needs is loaded when it runs: a second start is refused before any of it.

const USAGE = `usage: cli.ts start [--once] [--fresh] | stack [--fresh] | doctor | hasura-check | rolling | cost | reset
  start         the whole control plane, then the demo; stays up until Ctrl-C
  start --once  the same, ends with 0 when the demo succeeded, with 1 and the failing step's name when not
  stack         the control plane without the demo
  --fresh       deletes the data of earlier starts first
  doctor        versions, ports, processes, disk and what is wrong; ends with 0 when nothing is
  rolling       SIGTERM to each service under load, with two processes of each behind Caddy; no request may fail
  cost          what a thousand of each kind of work cost each part in processor time, on a stack of its own
  reset         deletes data, secrets, logs and mails`;

const COMMANDS = {
  start: ["once", "fresh"],
  stack: ["fresh"],
  doctor: [],
  "hasura-check": [],
  rolling: [],
  cost: [],
  reset: [],
} as const satisfies Record<string, readonly Flag[]>;

type Flag = "once" | "fresh";
type Command = keyof typeof COMMANDS;

const isCommand = (text: string): text is Command => Object.hasOwn(COMMANDS, text);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const INTERRUPTED = 130;

class UsageError extends Error {}

function readArguments(): { command: Command; flags: ReadonlySet<Flag> } | "help" {
  const { values, positionals } = parseOrComplain();
  const [command, ...more] = positionals;
  if (values.help) return "help";
  if (command === undefined) throw new UsageError("a command is missing");
  if (!isCommand(command)) throw new UsageError(`there is no command ${command}`);
  if (more.length > 0) throw new UsageError(`${command} takes no ${more.join(" ")}`);
  const allowed: readonly Flag[] = COMMANDS[command];
  const flags = (["once", "fresh"] as const).filter((flag) => values[flag]);
  for (const flag of flags) if (!allowed.includes(flag)) throw new UsageError(`${command} takes no --${flag}`);
  return { command, flags: new Set(flags) };
}

function parseOrComplain() {
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
    throw new UsageError(error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}

async function main(): Promise<number> {
  const read = readArguments();
  if (read === "help") {
    print(USAGE);
    return 0;
  }
  const { command, flags } = read;
  switch (command) {
    case "start":
    case "stack":
      return start({ demo: command === "start", once: flags.has("once"), fresh: flags.has("fresh") });
    case "doctor": {
      const { doctor } = await import("./doctor/doctor.ts");
      return doctor(print);
    }
    case "hasura-check": {
      const { hasuraCheck } = await import("./hasura-check.ts");
      return hasuraCheck(print);
    }
    case "rolling": {
      const { playRolling } = await import("./rolling/rolling.ts");
      return playRolling(print);
    }
    case "cost": {
      const { measureCost } = await import("./cost/cost.ts");
      return measureCost(print);
    }
    case "reset": {
      const lock = lockStack(defaultStateDir);
      const { deleteState } = await import("./stack.ts");
      await deleteState(defaultStateDir, defaultMailDir).finally(() => lock.release());
      print("deleted: data, secrets, logs and mails of this clone; the next start begins anew");
      return 0;
    }
  }
}

async function start(options: { demo: boolean; once: boolean; fresh: boolean }): Promise<number> {
  const lock = lockStack(defaultStateDir);
  const stopping = new AbortController();
  // While the programs are read nothing runs yet, and there is nothing to stop.
  let leave = (): void => process.exit(INTERRUPTED);
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => leave());
  const { runStack } = await import("./run-stack.ts");
  leave = () => stopping.abort();
  return runStack({ ...options, lock, signal: stopping.signal, print });
}

const code = await main().catch((error: unknown) => {
  if (error instanceof UsageError) print(`${error.message}\n${USAGE}`);
  else if (error instanceof StackRunningError) print(error.message);
  else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
});
process.exitCode = code;
