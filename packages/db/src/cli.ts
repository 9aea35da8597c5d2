import { createDatabase } from "./client.ts";
import { migrate } from "./migrate.ts";
import { LOGIN_ROLES, type LoginRole } from "./roles.ts";
import { seed } from "./seed/seed.ts";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function databaseUrlOfEnvironment(): string {
  const url = process.env.DATABASE_URL;
  if (url === undefined || url === "") throw new Error("DATABASE_URL is not set");
  return url;
}

/** `CP_AUTH_PASSWORD` for cp_auth, and so on. */
function passwordsOfEnvironment(): Partial<Record<LoginRole, string>> {
  const passwords: Partial<Record<LoginRole, string>> = {};
  for (const role of LOGIN_ROLES) {
    const password = process.env[`${role.toUpperCase()}_PASSWORD`];
    if (password !== undefined && password !== "") passwords[role] = password;
  }
  return passwords;
}

async function run(command: string | undefined): Promise<void> {
  switch (command) {
    case "migrate":
      await migrate({ url: databaseUrlOfEnvironment(), passwords: passwordsOfEnvironment(), log: print });
      return;
    case "seed": {
      const { db, close } = createDatabase({
        url: databaseUrlOfEnvironment(),
        poolMax: 1,
        applicationName: "seed",
        work: "command",
      });
      try {
        await seed(db, print);
      } finally {
        await close();
      }
      return;
    }
    default:
      throw new Error("usage: cli.ts migrate | seed");
  }
}

try {
  await run(process.argv[2]);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
