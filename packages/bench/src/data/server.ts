import pg from "pg";

const ROLE_PASSWORD = "bench";

/** Passwords for `migrate`; the server may ask for it. */
export const rolePasswords = {
  cp_hasura: ROLE_PASSWORD,
  cp_auth: ROLE_PASSWORD,
  cp_gateway: ROLE_PASSWORD,
  cp_orchestrator: ROLE_PASSWORD,
  cp_logs: ROLE_PASSWORD,
} as const;

export function urlAs(url: string, role: keyof typeof rolePasswords): string {
  const as = new URL(url);
  as.username = role;
  as.password = ROLE_PASSWORD;
  return as.href;
}

/** One statement on a connection of its own. */
export async function query(url: string, text: string, values: readonly unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
