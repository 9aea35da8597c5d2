-- delete_article
WITH t1 AS (
  DELETE FROM "public"."article" AS t0
  WHERE ((t0."author_id" = ANY(($1::pg_catalog.int4[]))) AND (t0."id" <= ($2::pg_catalog.int4)))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked;
-- $1 = session variable x-hasura-allowed-ids
-- $2 = "9"
