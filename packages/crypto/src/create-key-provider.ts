import { readFileSync } from "node:fs";
import type { KeyProvider } from "./key-provider.ts";
import { createLocalKeyring } from "./local-keyring.ts";
import { createVaultTransit } from "./vault-transit.ts";

/** The settings of `keyConfig`, as a service's config holds them. */
export type KeyProviderSettings = {
  KEY_PROVIDER: "local" | "vault";
  KEYRING?: string | undefined;
  KEYRING_FILE?: string | undefined;
  VAULT_ADDR?: string | undefined;
  VAULT_TOKEN?: string | undefined;
  VAULT_TOKEN_FILE?: string | undefined;
  VAULT_TRANSIT_KEY?: string | undefined;
  VAULT_NAMESPACE?: string | undefined;
};

/** What is wrong with a setting; whoever boots a service reports it by that name. */
class KeySettingError extends Error {
  readonly setting: string;

  constructor(setting: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KeySettingError";
    this.setting = setting;
  }
}

function readKeyring(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown";
    throw new KeySettingError("KEYRING_FILE", `cannot be read (${code}); name a file that this account may read`);
  }
}

function keyringOf(setting: string, text: string): KeyProvider {
  try {
    return createLocalKeyring(text);
  } catch (error) {
    throw new KeySettingError(setting, error instanceof Error ? error.message : String(error));
  }
}

/** Throws with the name of what is missing. */
export function createKeyProvider(settings: KeyProviderSettings): KeyProvider {
  if (settings.KEY_PROVIDER === "local") {
    if (settings.KEYRING !== undefined) return keyringOf("KEYRING", settings.KEYRING);
    if (settings.KEYRING_FILE !== undefined) return keyringOf("KEYRING_FILE", readKeyring(settings.KEYRING_FILE));
    throw new Error("KEYRING or KEYRING_FILE is needed with KEY_PROVIDER=local");
  }
  const { VAULT_ADDR, VAULT_TOKEN, VAULT_TOKEN_FILE, VAULT_TRANSIT_KEY, VAULT_NAMESPACE } = settings;
  const token =
    VAULT_TOKEN !== undefined
      ? { value: VAULT_TOKEN }
      : VAULT_TOKEN_FILE !== undefined
        ? { file: VAULT_TOKEN_FILE }
        : undefined;
  if (VAULT_ADDR === undefined || VAULT_TRANSIT_KEY === undefined || token === undefined) {
    throw new Error(
      "VAULT_ADDR, VAULT_TRANSIT_KEY and VAULT_TOKEN or VAULT_TOKEN_FILE are needed with KEY_PROVIDER=vault",
    );
  }
  return createVaultTransit({ address: VAULT_ADDR, token, transitKey: VAULT_TRANSIT_KEY, namespace: VAULT_NAMESPACE });
}
