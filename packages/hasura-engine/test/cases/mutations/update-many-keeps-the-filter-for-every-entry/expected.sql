-- update_article_many
WITH t1 AS (
  UPDATE "public"."article" AS t0
  SET "title" = $1::pg_catalog.text
  WHERE (((t0."author_id" = ($2::pg_catalog.int4)) OR ((t0."author_id" IS NULL) AND (($2::pg_catalog.int4) IS NULL))) AND (t0."published" = ($3::pg_catalog.bool)) AND (t0."id" = ($4::pg_catalog.int4)))
  RETURNING t0.*, (t0."published" = ($3::pg_catalog.bool)) AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t1."id", 'title' VALUE t1."title" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "a"
-- $2 = session variable x-hasura-user-id
-- $3 = "false"
-- $4 = "2"

-- update_article_many
WITH t1 AS (
  UPDATE "public"."article" AS t0
  SET "title" = $1::pg_catalog.text
  WHERE (((t0."author_id" = ($2::pg_catalog.int4)) OR ((t0."author_id" IS NULL) AND (($2::pg_catalog.int4) IS NULL))) AND (t0."published" = ($3::pg_catalog.bool)) AND (t0."id" = ($4::pg_catalog.int4)))
  RETURNING t0.*, (t0."published" = ($3::pg_catalog.bool)) AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t1."id", 'title' VALUE t1."title" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "b"
-- $2 = session variable x-hasura-user-id
-- $3 = "false"
-- $4 = "3"

-- update_article_many
WITH t1 AS (
  UPDATE "public"."article" AS t0
  SET "body" = t0."body" || $1::pg_catalog.jsonb
  WHERE (((t0."author_id" = ($2::pg_catalog.int4)) OR ((t0."author_id" IS NULL) AND (($2::pg_catalog.int4) IS NULL))) AND (t0."published" = ($3::pg_catalog.bool)))
  RETURNING t0.*, (t0."published" = ($3::pg_catalog.bool)) AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t1."id", 'title' VALUE t1."title" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "{\"k\":1}"
-- $2 = session variable x-hasura-user-id
-- $3 = "false"
