-- a
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."facts" @> ($1::pg_catalog.jsonb))
    ) t0
  ) t2
)::text AS data;
-- $1 = "{\"a\":{}}"

-- b
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."facts" <@ ($1::pg_catalog.jsonb))
    ) t0
  ) t2
)::text AS data;
-- $1 = "[\"new\",\"best\",\"old\"]"

-- c
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."facts" ? ($1::pg_catalog.text))
    ) t0
  ) t2
)::text AS data;
-- $1 = "x y"

-- d
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."facts" ?| ($1::pg_catalog.text[]))
    ) t0
  ) t2
)::text AS data;
-- $1 = "{\"a\",\"new\"}"

-- e
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."facts" ?& ($1::pg_catalog.text[]))
    ) t0
  ) t2
)::text AS data;
-- $1 = "{\"a\",\"x y\"}"

-- f
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (((t1."facts")::pg_catalog.text LIKE ($1::pg_catalog.text)) AND (t1."facts" IS NOT NULL))
    ) t0
  ) t2
)::text AS data;
-- $1 = "%best%"

-- g
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (t1."facts" = ($1::pg_catalog.jsonb))
    ) t0
  ) t2
)::text AS data;
-- $1 = "\"new\""
