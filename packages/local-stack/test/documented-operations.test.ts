import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, parse, validate } from "graphql";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const schema = buildSchema(readFileSync(join(ROOT, "hasura/generated/builder.graphql"), "utf8"));

test.each(["docs/webhooks-for-senders.md", "docs/webhooks-for-owners.md"])(
  "a builder may ask what %s shows",
  (page) => {
    const documents = [...readFileSync(join(ROOT, page), "utf8").matchAll(/```graphql\n([\s\S]*?)```/g)];

    expect(documents.length).toBeGreaterThan(0);
    for (const [, document = ""] of documents)
      expect(validate(schema, parse(document)).map(({ message }) => message)).toEqual([]);
  },
);
