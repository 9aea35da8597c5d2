import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, renameSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

/**
 * Runs a server for as long as standard input stays open. The caller holds the other end, so its death by any signal,
 * kill -9 included, ends the server: end of file is the one message that a dead process still sends. A shell does it
 * because it costs 1 MB a server; it is in a session of its own, where a terminal's Ctrl-C does not reach the server.
 */
const SUPERVISOR = `
signal=$1 grace=$2
shift 2
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
echo "$server"
(
  read -r line <&3
  kill -s "$signal" "$server" 2>/dev/null || exit 0
  left=$((grace * 10))
  while [ "$left" -gt 0 ] && kill -0 "$server" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
  kill -s KILL "$server" 2>/dev/null
) >/dev/null &
watcher=$!
exec 3<&- >/dev/null
wait "$server"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;

export type ServerOptions = {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd: string;
  logFile: string;
  /** What asks this server to end in order. */
  stopSignal: "INT" | "TERM";
  /** After this the server is killed. */
  graceSeconds: number;
  /** Only root may name another user. */
  user?: { uid: number; gid: number };
};

export type Server = {
  /** Of the server itself, not of its supervisor. */
  processId: number;
  hasExited(): boolean;
  /** The last lines that this process wrote into its log. */
  logTail(lines: number): Promise<string>;
  stop(): Promise<void>;
};

const LOG_BYTES_MAX = 4 * 2 ** 20;

/**
 * The log goes on where the process before ended, since the reason of that end is in it. A long one is kept as
 * `<name>.1` and begun anew.
 */
function openLog(file: string): { log: number; from: number } {
  const log = openSync(file, "a", 0o600);
  const { size } = fstatSync(log);
  if (size <= LOG_BYTES_MAX) return { log, from: size };
  closeSync(log);
  renameSync(file, `${file}.1`);
  return { log: openSync(file, "a", 0o600), from: 0 };
}

/** Starts the server and returns at once; whether it answers is the caller's question. Throws if the program cannot be run at all. */
export async function supervise(options: ServerOptions): Promise<Server> {
  const { log, from } = openLog(options.logFile);
  const child = spawn(
    "/bin/sh",
    [
      "-c",
      SUPERVISOR,
      "supervisor",
      options.stopSignal,
      String(options.graceSeconds),
      options.command,
      ...options.args,
    ],
    {
      cwd: options.cwd,
      env: options.env ?? process.env,
      detached: true,
      stdio: ["pipe", "pipe", log],
      ...options.user,
    },
  );
  closeSync(log);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error(`${options.command} has no pipes`);
  const exited = once(child, "exit");
  // A failure to spawn arrives as an error event; awaiting it below would be too late for the first reader.
  exited.catch(() => {});
  stdin.on("error", () => {});

  const [firstLine] = await Promise.race([once(createInterface(stdout), "line"), exited]);
  const processId = Number(firstLine);
  if (!Number.isSafeInteger(processId) || processId <= 1) throw new Error(`${options.command} could not be started`);

  return {
    processId,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    async logTail(lines) {
      const bytes = await readFile(options.logFile).catch(() => Buffer.alloc(0));
      return bytes.subarray(from).toString().trimEnd().split("\n").slice(-lines).join("\n");
    },
    async stop() {
      stdin.end();
      await exited;
    },
  };
}
