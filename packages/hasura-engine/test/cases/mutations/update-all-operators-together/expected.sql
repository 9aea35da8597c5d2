-- update_author
WITH t1 AS (
  UPDATE "public"."author" AS t0
  SET "name" = $1::pg_catalog.text, "age" = t0."age" + $2::pg_catalog.int4, "info" = t0."info" || $3::pg_catalog.jsonb
  WHERE (t0."id" = ($4::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('name' VALUE t1."name", 'age' VALUE t1."age", 'info' VALUE t1."info" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "A"
-- $2 = "2"
-- $3 = "{\"x\":1}"
-- $4 = "1"

-- prepend
WITH t1 AS (
  UPDATE "public"."author" AS t0
  SET "info" = $1::pg_catalog.jsonb || t0."info"
  WHERE (t0."id" = ($2::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('info' VALUE t1."info" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "[0]"
-- $2 = "3"

-- key
WITH t1 AS (
  UPDATE "public"."author" AS t0
  SET "info" = t0."info" - $1::pg_catalog.text
  WHERE (t0."id" = ($2::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('info' VALUE t1."info" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "x"
-- $2 = "1"

-- path
WITH t1 AS (
  UPDATE "public"."author" AS t0
  SET "info" = t0."info" #- $1::pg_catalog.text[]
  WHERE (t0."id" = ($2::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('info' VALUE t1."info" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "{\"a\",\"b\"}"
-- $2 = "1"

-- elem
WITH t1 AS (
  UPDATE "public"."author" AS t0
  SET "info" = t0."info" - $1::pg_catalog.int4
  WHERE (t0."id" = ($2::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('info' VALUE t1."info" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "0"
-- $2 = "3"
