/** A statement with its values as PostgreSQL reads them: text, or null. Without a name it is planned for this once. */
export type SentStatement = {
  readonly name?: string | undefined;
  readonly text: string;
  readonly values: readonly (string | null)[];
};

/** The unnamed portal, all its rows; then Sync. */
const EXECUTE_AND_SYNC = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);
const [CLOSE, PARSE, BIND] = [0x43, 0x50, 0x42];
/** What Close closes: a statement. */
const STATEMENT = 0x53;
const TYPE_LENGTH = 1;

/**
 * Everything that PostgreSQL is told to run a statement, for one write (protocol 3.0, "Message Formats"). `parse`: the
 * connection is not known to know the statement, and forgets what it may know by its name. The answer is not described.
 */
export function statementMessages({ name = "", text, values }: SentStatement, parse: boolean): Buffer {
  const nameLength = Buffer.byteLength(name);
  const textLength = Buffer.byteLength(text);
  const valueLengths = values.map((value) => (value === null ? 0 : Buffer.byteLength(value)));
  const closeLength = 4 + 1 + nameLength + 1;
  const parseLength = 4 + nameLength + 1 + textLength + 1 + 2;
  const bindLength = valueLengths.reduce((sum, length) => sum + 4 + length, 4 + 1 + nameLength + 1 + 2 + 2 + 2);
  const parsing = parse ? TYPE_LENGTH + closeLength + TYPE_LENGTH + parseLength : 0;
  const bytes = Buffer.allocUnsafe(parsing + TYPE_LENGTH + bindLength + EXECUTE_AND_SYNC.length);
  let at = 0;
  const byte = (value: number): void => {
    at = bytes.writeUInt8(value, at);
  };
  const count = (value: number): void => {
    at = bytes.writeUInt16BE(value, at);
  };
  const length = (value: number): void => {
    at = bytes.writeInt32BE(value, at);
  };
  const string = (value: string): void => {
    at += bytes.write(value, at);
    byte(0);
  };
  if (parse) {
    byte(CLOSE);
    length(closeLength);
    byte(STATEMENT);
    string(name);
    byte(PARSE);
    length(parseLength);
    string(name);
    string(text);
    // PostgreSQL takes the types of parameters from their casts.
    count(0);
  }
  byte(BIND);
  length(bindLength);
  string("");
  string(name);
  // Parameters in text format.
  count(0);
  count(values.length);
  for (const [index, value] of values.entries()) {
    length(value === null ? -1 : (valueLengths[index] ?? 0));
    if (value !== null) at += bytes.write(value, at);
  }
  // The answer in text format.
  count(0);
  EXECUTE_AND_SYNC.copy(bytes, at);
  return bytes;
}
