import { createLogger } from "./logger.ts";

/**
 * Runs a service's `main`. What goes wrong before it listens is one log line, in the form of all others, and exit 1:
 * Node's own report of a rejection would print statements with their parameters.
 */
export async function startService(service: string, start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    createLogger({ service, level: "fatal" }).fatal({ err: error }, "the service could not start");
    process.exit(1);
  }
}
