-- insert_author
WITH t1 AS (
  INSERT INTO "public"."author" AS t0 ("name", "bio", "registered", "info")
  VALUES ($1::pg_catalog.text, $2::pg_catalog.text, $3::pg_catalog.bool, $4::pg_catalog.jsonb), (DEFAULT, $2::pg_catalog.text, $3::pg_catalog.bool, $4::pg_catalog.jsonb)
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('name' VALUE t1."name", 'bio' VALUE t1."bio", 'registered' VALUE t1."registered", 'info' VALUE t1."info" RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "P"
-- $2 = session variable x-hasura-bio
-- $3 = "true"
-- $4 = "{\"made\":\"by preset\"}"
