import { withoutValues } from "./statement-error.ts";

/** The part of a pino logger the engine uses. */
export type EngineLog = {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
};

/** A log to which no error of PostgreSQL gets as it is. */
export function withoutValuesInErrors(log: EngineLog): EngineLog {
  const safe = (facts: object): object => ("err" in facts ? { ...facts, err: withoutValues(facts.err) } : facts);
  return {
    info: (facts, message) => log.info(safe(facts), message),
    warn: (facts, message) => log.warn(safe(facts), message),
    error: (facts, message) => log.error(safe(facts), message),
  };
}
