/** A small world with every kind of column and relationships that lead in circles, for role `user` and for admin. */
export const schemaSql = `
  create type mood as enum ('calm', 'wild');
  create table kinds (name text primary key, comment text);
  insert into kinds values ('short', 'a'), ('long', 'b');
  create table authors (
    id int primary key, name text, mood mood not null default 'calm', active boolean not null default true);
  create table articles (
    id bigint primary key, author_id int not null references authors (id), title varchar(200), body text,
    price numeric, rating float8, facts jsonb, raw json, tags text[], counts int[], token uuid,
    written_at timestamptz, day date, small smallint, kind text references kinds (name), secret text);
  insert into authors select n, 'author ' || n from generate_series(1, 3) n;
  insert into articles (id, author_id, title, facts, tags, price, token, kind)
    select n, 1 + n % 3, 'article ' || n, '{"a": {"b": [1, 2]}}', '{x,y}', n, gen_random_uuid(), 'short'
    from generate_series(1, 12) n;
`;

const authorColumns = ["id", "name", "mood", "active"];
const articleColumns = [
  "id",
  "author_id",
  "title",
  "body",
  "price",
  "rating",
  "facts",
  "raw",
  "tags",
  "counts",
  "token",
  "written_at",
  "day",
  "small",
  "kind",
];

function permissions(columns: readonly string[]) {
  const role = "user";
  return {
    select_permissions: [{ role, permission: { columns, filter: {}, allow_aggregations: true } }],
    insert_permissions: [{ role, permission: { columns, check: {} } }],
    update_permissions: [{ role, permission: { columns, filter: {}, check: {} } }],
    delete_permissions: [{ role, permission: { filter: {} } }],
  };
}

export const tables = [
  { table: "kinds", is_enum: true },
  {
    table: "authors",
    array_relationships: [
      { name: "articles", using: { foreign_key_constraint_on: { table: "articles", column: "author_id" } } },
    ],
    ...permissions(authorColumns),
  },
  {
    table: "articles",
    object_relationships: [{ name: "author", using: { foreign_key_constraint_on: "author_id" } }],
    ...permissions(articleColumns),
  },
];
