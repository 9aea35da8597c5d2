import pg from "pg";

/** Scratch databases on one server; every name carries this process's id, so that runs do not meet. */
export type Databases = {
  /** A database with what the data set expects to be there before any setup. */
  createBase(): Promise<string>;
  /** A copy; nobody may be connected to the original. */
  clone(original: string): Promise<string>;
  drop(name: string): Promise<void>;
  url(name: string): string;
  run(name: string, statements: readonly { sql: string; values?: readonly string[] }[]): Promise<void>;
  /** Drops whatever is left. */
  close(): Promise<void>;
};

export async function openDatabases(serverUrl: string): Promise<Databases> {
  const admin = new pg.Client({ connectionString: serverUrl });
  await admin.connect();
  const names = new Set<string>();
  let count = 0;

  const url = (name: string): string => {
    const target = new URL(serverUrl);
    target.pathname = `/${name}`;
    return target.href;
  };
  const create = async (template: string): Promise<string> => {
    const name = `conformance_${process.pid}_${++count}`;
    await admin.query(`create database ${name} template ${template}`);
    await admin.query(`alter database ${name} set timezone to 'UTC'`);
    names.add(name);
    return name;
  };
  const run: Databases["run"] = async (name, statements) => {
    const client = new pg.Client({ connectionString: url(name) });
    await client.connect();
    try {
      for (const { sql, values } of statements)
        await (values === undefined ? client.query(sql) : client.query(sql, [...values]));
    } finally {
      await client.end();
    }
  };
  const drop: Databases["drop"] = async (name) => {
    await admin.query(`drop database if exists ${name} with (force)`);
    names.delete(name);
  };

  return {
    async createBase() {
      const name = await create("template0");
      const extensions = ["citext", "ltree", "pgcrypto"].map((extension) => ({
        sql: `create extension if not exists ${extension}`,
      }));
      await run(name, [...extensions, { sql: "create schema hge_tests" }, { sql: "create schema custom" }]);
      return name;
    },
    clone: create,
    drop,
    url,
    run,
    async close() {
      for (const name of [...names]) await drop(name);
      await admin.end();
    },
  };
}
