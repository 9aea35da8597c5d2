import { httpServices, type PermissionsTwin } from "../metadata-rules/permissions-twin.ts";

type Table = PermissionsTwin["tables"][string];
type Letter = keyof PermissionsTwin["roles"];
const LETTERS = ["O", "A", "B", "V"] as const satisfies readonly Letter[];
const OPERATIONS = ["select", "insert", "update", "delete"] as const;
type Operation = (typeof OPERATIONS)[number];

/** The page of hasura/permissions.yaml that a person reads: who may do what, table by table and action by action. */
export function renderPermissionMatrix(twin: PermissionsTwin): string {
  const lines = [
    "# Permission matrix",
    "",
    "<!-- Generated from hasura/permissions.yaml by `npm run gen`. -->",
    "",
    `Letters are roles: ${LETTERS.map((letter) => `${letter} ${twin.roles[letter]}`).join(", ")}; a dot is a role that may not. What the`,
    "cells mean together, and what `T`, `LIVE` and `MINE` say, stands in [permissions.md](permissions.md).",
    "",
    "## Tables",
    "",
    ...row("table", "select", "aggregates", "insert", "update", "delete", "rows at most"),
    ...Object.entries(twin.tables).map(([name, table]) =>
      cells(
        `[${name}](#${name})`,
        lettersOf(table, "select"),
        shown(table.aggregates),
        ...(["insert", "update", "delete"] as const).map((operation) => lettersOf(table, operation)),
        String(table.limit),
      ),
    ),
    "",
    ...Object.entries(twin.tables).flatMap(([name, table]) => renderTable(name, table)),
    "## Hasura actions",
    "",
    ...row("action", "kind", "without a token", "roles", "service"),
    ...Object.entries(twin.actions).map(([name, { kind, roles, service }]) =>
      cells(name, kind, roles.includes("anonymous") ? "yes" : ".", shown(roles), serviceName(service)),
    ),
    "",
    "## Remote schemas",
    "",
    ...row("schema", "roles", "preset"),
    ...Object.entries(twin.remote_schemas).map(([name, { roles, presets }]) =>
      cells(
        name,
        shown(roles),
        Object.entries(presets)
          .map(([argument, variable]) => `\`${argument}\` = \`${variable}\``)
          .join(", "),
      ),
    ),
    "",
    "## HTTP routes",
    "",
    "The routes of Hasura actions, events, crons and remote schemas open to the secret of their kind alone. Of the others each",
    "does something for these callers, and refuses whoever presents anything else. O, A, B and V present a token of the role;",
    "`nothing` means what the route does not look for, too. [permissions.md](permissions.md#http-routes) says what the words mean.",
    "",
    ...row("service", "route", "opens to"),
    ...httpServices.flatMap((service) =>
      Object.entries(twin.routes[service]).map(([route, callers]) =>
        cells(service, `\`${route.replaceAll("|", ", ")}\``, callers.length === 0 ? "nobody" : callers.join(", ")),
      ),
    ),
  ];
  return `${lines.join("\n")}\n`;
}

function renderTable(name: string, table: Table): string[] {
  const columns = new Set([
    ...table.base,
    ...[...table.select, ...table.insert, ...table.update].flatMap((grant) => grant.columns),
  ]);
  const holding = (operation: "select" | "insert" | "update", column: string): string =>
    shown(
      table[operation]
        .filter((grant) => grant.columns.includes(column) || (operation === "select" && table.base.includes(column)))
        .flatMap(({ roles }) => roles),
    );
  return [
    `### ${name}`,
    "",
    ...row("column", "select", "insert", "update"),
    ...[...columns].map((column) =>
      cells(column, holding("select", column), holding("insert", column), holding("update", column)),
    ),
    "",
    ...row("operation", "roles", "rows", "set by the server"),
    ...OPERATIONS.flatMap((operation) => conditionsOf(table, operation)),
    "",
  ];
}

function conditionsOf(table: Table, operation: Operation): string[] {
  if (operation === "insert")
    return table.insert.map(({ roles, check, presets }) =>
      cells("insert", shown(roles), `\`${sayCondition(check)}\``, Object.keys(presets).join(", ")),
    );
  return table[operation].map(({ roles, filter }) => cells(operation, shown(roles), `\`${sayCondition(filter)}\``, ""));
}

const COMPARISONS: Readonly<Record<string, string>> = { _eq: "=", _neq: "<>", _gt: ">", _lt: "<", _in: "in" };

/** A condition of the twin in one line; fragments keep their names. */
function sayCondition(condition: unknown, path = ""): string {
  if (typeof condition === "string") return condition;
  if (Array.isArray(condition)) return condition.map((item) => sayCondition(item, path)).join(" and ");
  if (typeof condition !== "object" || condition === null) return JSON.stringify(condition);
  const terms = Object.entries(condition).map(([key, value]) => {
    if (key === "_or" && Array.isArray(value)) return `(${value.map((item) => sayCondition(item, path)).join(" or ")})`;
    if (key === "_and") return sayCondition(value, path);
    if (key === "_not") return `not (${sayCondition(value, path)})`;
    if (key === "_is_null") return value === true ? `${path} is null` : `${path} is not null`;
    const comparison = COMPARISONS[key];
    if (comparison !== undefined) return `${path} ${comparison} ${String(value)}`;
    return sayCondition(value, path === "" ? key : `${path}.${key}`);
  });
  return terms.join(" and ");
}

function lettersOf(table: Table, operation: Operation): string {
  return shown(table[operation].flatMap(({ roles }) => roles));
}

/** Always four places, so that a page of them can be read downwards. */
function shown(roles: readonly string[]): string {
  return LETTERS.map((letter) => (roles.includes(letter) ? letter : ".")).join(" ");
}

function serviceName(variable: string): string {
  return variable.replace(/_URL$/, "").toLowerCase().replaceAll("_", "-");
}

function row(...titles: readonly string[]): string[] {
  return [cells(...titles), cells(...titles.map(() => "---")).replaceAll(" ", "")];
}

function cells(...texts: readonly string[]): string {
  return `| ${texts.join(" | ")} |`;
}
