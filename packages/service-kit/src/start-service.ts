import { createLogger } from "./logger.ts";
import { settingProblem } from "./setting-problem.ts";

/**
 * Runs a service's `main`. What goes wrong before it listens ends with 1: a setting that does not work is said as a wrong
 * one is, by its name; anything else is one log line, in the form of all others, since Node's own report of a rejection
 * would print statements with their parameters.
 */
export async function startService(service: string, start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    const problem = settingProblem(error);
    if (problem !== undefined) {
      const { name, message } = problem;
      process.stderr.write(
        `${service}: cannot start (docs/environment.md lists every setting):\n  ${name}: ${message}\n`,
      );
      process.exit(1);
    }
    createLogger({ service, level: "fatal" }).fatal({ err: error }, "the service could not start");
    process.exit(1);
  }
}
