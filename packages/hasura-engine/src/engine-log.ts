/** The part of a pino logger the engine uses. */
export type EngineLog = {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
};
