-- articles
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('facts' VALUE (t0."facts" #> $2::pg_catalog.text[]), ($3::pg_catalog.text) VALUE t0."raw", 'raw' VALUE (t0."raw" #> $4::pg_catalog.text[]), ($5::pg_catalog.text) VALUE (t0."facts" #> $6::pg_catalog.text[]), ($7::pg_catalog.text) VALUE (t0."facts" #> $8::pg_catalog.text[]) RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."id" = ($1::pg_catalog.int4))
    ) t0
  ) t2
)::text AS data;
-- $1 = "1"
-- $2 = "{\"a\",\"b\",\"1\"}"
-- $3 = "whole"
-- $4 = "{\"a\",\"q\"}"
-- $5 = "named"
-- $6 = "{\"x y\"}"
-- $7 = "none"
-- $8 = "{\"a\",\"nobody\"}"
