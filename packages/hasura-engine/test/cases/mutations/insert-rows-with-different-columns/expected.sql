-- insert_author
WITH t1 AS (
  INSERT INTO "public"."author" AS t0 ("name", "age", "bio", "registered")
  VALUES ($1::pg_catalog.text, $2::pg_catalog.int4, DEFAULT, DEFAULT), (DEFAULT, DEFAULT, $3::pg_catalog.text, $4::pg_catalog.bool)
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t1."id", 'name' VALUE t1."name", 'age' VALUE t1."age", 'bio' VALUE t1."bio", 'registered' VALUE t1."registered" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "D"
-- $2 = "1"
-- $3 = "b"
-- $4 = "true"
