import { type Document, isMap, isNode, isScalar, isSeq, type Node, type Pair, parseDocument } from "yaml";
import { OPERATIONS, type Operation, PERMISSIONS_KEY } from "../metadata-rules/metadata-shape.ts";
import { type Cell, permissionCells } from "../metadata-rules/permission-cells.ts";
import type { PermissionsTwin } from "../metadata-rules/permissions-twin.ts";

/** Keys that Hasura exports behind the permissions; every other key stands in front of them. */
const KEYS_BEHIND: readonly string[] = ["event_triggers"];

/**
 * The text of a table's metadata file with its permission entries as the twin states them, in the form of Hasura's own export: roles
 * and the keys of expressions sorted, columns in the order of the twin. Everything else, comments included, stays as it is.
 */
export function writeTablePermissions(text: string, twin: PermissionsTwin): string {
  const document: Document = parseDocument(text);
  const [fault] = document.errors;
  if (fault !== undefined) throw fault;
  const file = document.contents;
  const table = document.getIn(["table", "name"]);
  if (!isMap(file) || typeof table !== "string") throw new Error("a table's metadata file names its table");
  const cells = permissionCells(twin).filter((cell) => cell.table === table);
  const written = OPERATIONS.flatMap((operation) => {
    const entries = entriesOf(cells, operation);
    return entries.length === 0 ? [] : [writePair(document, file.items, PERMISSIONS_KEY[operation], entries)];
  });
  const keys: readonly string[] = Object.values(PERMISSIONS_KEY);
  const others = file.items.filter((pair) => !keys.includes(keyOf(pair)));
  const behind = others.filter((pair) => KEYS_BEHIND.includes(keyOf(pair)));
  file.items = [...others.filter((pair) => !behind.includes(pair)), ...written, ...behind];
  return document.toString({ lineWidth: 0 });
}

function entriesOf(cells: readonly Cell[], operation: Operation) {
  return cells
    .filter((cell) => cell.operation === operation)
    .map(({ role, permission }) => ({ role, permission: withSortedExpressions(permission) }))
    .sort((one, other) => (one.role < other.role ? -1 : 1));
}

function withSortedExpressions(permission: Cell["permission"]): Cell["permission"] {
  return Object.fromEntries(Object.entries(permission).map(([key, value]) => [key, withSortedKeys(value)]));
}

function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, withSortedKeys(value[key])]),
  );
}

/** Gives a node of the file another value; what stays the same keeps its node, and with it its comments. */
function writeValue(document: Document, node: unknown, value: unknown): Node {
  if (isScalar(node) && node.value === value) return node;
  if (isMap(node) && isRecord(value)) {
    node.items = Object.entries(value).map(([key, item]) => writePair(document, node.items, key, item));
    return node;
  }
  if (isSeq(node) && Array.isArray(value)) {
    node.items = value.map((item: unknown) =>
      writeValue(
        document,
        node.items.find((old) => identity(isNode(old) ? old.toJS(document) : old) === identity(item)),
        item,
      ),
    );
    return node;
  }
  const created = document.createNode(value, { aliasDuplicateObjects: false });
  if (isNode(node)) {
    created.commentBefore = node.commentBefore ?? null;
    created.comment = node.comment ?? null;
  }
  return created;
}

function writePair(document: Document, pairs: readonly Pair[], key: string, value: unknown): Pair {
  const pair = pairs.find((candidate) => keyOf(candidate) === key);
  if (pair === undefined) return document.createPair(key, value, { aliasDuplicateObjects: false });
  pair.value = writeValue(document, pair.value, value);
  return pair;
}

/** An item of a list is the same as before when it is of the same role, or else when it is equal. */
function identity(item: unknown): string {
  return isRecord(item) && "role" in item ? `role ${String(item.role)}` : JSON.stringify(item);
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
