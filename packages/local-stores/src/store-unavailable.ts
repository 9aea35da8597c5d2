export type StoreName = "postgres" | "redis" | "mongo";

/** A store cannot run on this machine; `remedy` says what a person can do about it. */
export class StoreUnavailableError extends Error {
  readonly store: StoreName;
  readonly remedy: string;

  constructor(store: StoreName, message: string, remedy: string, options?: ErrorOptions) {
    super(`${store}: ${message}; remedy: ${remedy}`, options);
    this.name = "StoreUnavailableError";
    this.store = store;
    this.remedy = remedy;
  }
}
