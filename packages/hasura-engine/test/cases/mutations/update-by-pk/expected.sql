-- update_author_by_pk
WITH t1 AS (
  UPDATE "public"."author" AS t0
  SET "bio" = $1::pg_catalog.text, "age" = t0."age" + $2::pg_catalog.int4
  WHERE (t0."id" = ($2::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, coalesce((
  SELECT (JSON_OBJECT('id' VALUE t1."id", 'bio' VALUE t1."bio", 'age' VALUE t1."age", 'detail' VALUE (
    SELECT JSON_OBJECT('phone' VALUE t2."phone" RETURNING json)
    FROM "public"."author_detail" t2
    WHERE t2."id" = t1."id"
      AND TRUE
    LIMIT 1
  ) RETURNING json))::text
  FROM t1
  LIMIT 1
), 'null') AS out0;
-- $1 = "b"
-- $2 = "1"
