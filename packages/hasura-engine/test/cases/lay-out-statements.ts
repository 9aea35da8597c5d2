const QUOTED = `'(?:[^']|'')*'|"(?:[^"]|"")*"`;
const SUBQUERY = "\\((?:SELECT|WITH|INSERT|UPDATE|DELETE FROM)(?= )";
const CLAUSE =
  " (?:SELECT|FROM|SET|VALUES|ON CONFLICT|DO UPDATE|WHERE|AND|ORDER BY|LIMIT|OFFSET|FETCH FIRST|RETURNING)(?= )";
const MARKS = new RegExp(`${QUOTED}| IS DISTINCT FROM |${SUBQUERY}|[()]|${CLAUSE}`, "g");

/** What `hasura-engine sql` prints, with one clause a line and subqueries indented. Only white space is added. */
export function layOutStatements(printed: string): string {
  return printed
    .split("\n")
    .map((line) => (line.startsWith("-- ") ? line : layOutStatement(line)))
    .join("\n");
}

function layOutStatement(statement: string): string {
  const open: ("subquery" | "other")[] = [];
  const newLine = (): string => `\n${"  ".repeat(open.filter((kind) => kind === "subquery").length)}`;
  return statement.replaceAll(MARKS, (mark) => {
    if (mark === "(") {
      open.push("other");
      return mark;
    }
    if (mark === ")") return open.pop() === "subquery" ? `${newLine()})` : mark;
    if (mark.startsWith("(")) {
      open.push("subquery");
      return `(${newLine()}${mark.slice(1)}`;
    }
    // Between the parentheses of a condition or a call such a word begins no clause.
    if (!mark.startsWith(" ") || mark === " IS DISTINCT FROM " || open.at(-1) === "other") return mark;
    return `${newLine()}${mark === " AND" ? "  " : ""}${mark.trimStart()}`;
  });
}
