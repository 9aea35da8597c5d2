-- insert_author
WITH t1 AS (
  INSERT INTO "public"."author" AS t0 ("name", "age")
  VALUES ($1::pg_catalog.text, $2::pg_catalog.int4), ($3::pg_catalog.text, $4::pg_catalog.int4)
  ON CONFLICT ON CONSTRAINT "author_name_key"
  DO UPDATE
  SET "age" = EXCLUDED."age"
  WHERE (t0."age" < ($5::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('name' VALUE t1."name", 'age' VALUE t1."age" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "Ada"
-- $2 = "40"
-- $3 = "Bob"
-- $4 = "41"
-- $5 = "30"
