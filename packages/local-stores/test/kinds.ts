import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { Client } from "pg";
import { startMongo, startPostgres, startRedis } from "../src/index.ts";

export async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function withMongo<T>(url: string, work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(url);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

/** The three stores, each with something to write and to find again. */
export const kinds = [
  {
    name: "postgres",
    start: startPostgres,
    write: async (url: string) => {
      await query(url, "create table kept (word text); insert into kept values ('kept')");
    },
    read: async (url: string) => (await query(url, "select to_regclass('kept') is not null")).flat()[0],
  },
  {
    name: "redis",
    start: startRedis,
    write: (url: string) =>
      withRedis(url, async (redis) => {
        await redis.config("SET", "appendfsync", "always");
        await redis.set("word", "kept");
      }),
    read: (url: string) => withRedis(url, async (redis) => (await redis.get("word")) === "kept"),
  },
  {
    name: "mongo",
    start: startMongo,
    write: (url: string) =>
      withMongo(url, async (client) => {
        await client
          .db("test")
          .collection("words")
          .insertOne({ word: "kept" }, { writeConcern: { w: 1, journal: true } });
      }),
    read: (url: string) =>
      withMongo(
        url,
        async (client) => (await client.db("test").collection("words").findOne({ word: "kept" })) !== null,
      ),
  },
] as const;
