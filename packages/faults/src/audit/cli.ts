import { auditInvariants } from "./audit-invariants.ts";
import { reportLines, sumLine } from "./report.ts";

/** `npm run audit:invariants`: the report on any running stack; exit 1 when an invariant is broken. */
const { DATABASE_URL: databaseUrl = "", REDIS_URL: redisUrl = "", QUEUE_PREFIX: queuePrefix = "bull" } = process.env;
if (databaseUrl === "" || redisUrl === "") {
  process.stderr.write("audit:invariants needs DATABASE_URL (an account that reads every table) and REDIS_URL\n");
  process.exit(1);
}
const findings = await auditInvariants({
  databaseUrl,
  redisUrl,
  queuePrefix,
  patience: { pendingSeconds: 30, queuedSeconds: 35, overdueSeconds: 10, cancelGraceSeconds: 30 },
});
for (const line of [...reportLines(findings), sumLine(findings)]) process.stdout.write(`${line}\n`);
process.exitCode = findings.length === 0 ? 0 : 1;
