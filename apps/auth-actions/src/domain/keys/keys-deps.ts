import type { Envelope, KeyProvider } from "@control-plane/crypto";
import type { Database } from "@control-plane/db";

/** What the commands over keys work with. */
export type KeysDeps = {
  db: Database;
  provider: KeyProvider;
  /** A new one: it knows no key yet, so it seals with what is active when it is first asked. */
  openEnvelope(): Envelope;
  print(line: string): void;
  /** Told how far a command is; shown once a second. */
  progress(text: string): void;
  wait(ms: number): Promise<void>;
};

/** A value or key that does not open; nothing of its content. */
export type Unopenable = { table: string; id: string; column: string };
