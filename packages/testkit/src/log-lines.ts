import { createLogger, type Logger } from "@control-plane/service-kit";

/** A service's own logger at its most talkative level, whose lines a test can read. */
export function recordLog(service: string): { log: Logger; text(): string } {
  const lines: string[] = [];
  const log = createLogger({ service, level: "trace", destination: { write: (line) => void lines.push(line) } });
  return { log, text: () => lines.join("") };
}
