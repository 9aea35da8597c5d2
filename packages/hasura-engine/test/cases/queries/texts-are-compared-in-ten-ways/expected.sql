-- authors
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE ((t1."name" LIKE ($1::pg_catalog.text)) AND (t1."name" NOT LIKE ($2::pg_catalog.text)) AND (t1."name" ILIKE ($3::pg_catalog.text)) AND (t1."name" NOT ILIKE ($4::pg_catalog.text)) AND (t1."name" SIMILAR TO ($5::pg_catalog.text)) AND (t1."name" NOT SIMILAR TO ($6::pg_catalog.text)) AND (t1."name" ~ ($7::pg_catalog.text)) AND (t1."name" !~ ($8::pg_catalog.text)) AND (t1."name" ~* ($9::pg_catalog.text)) AND (t1."name" !~* ($10::pg_catalog.text)))
    ) t0
  ) t2
)::text AS data;
-- $1 = "A%"
-- $2 = "x"
-- $3 = "aDA"
-- $4 = "z"
-- $5 = "(Ada|Eve)"
-- $6 = "q"
-- $7 = "^A"
-- $8 = "^x"
-- $9 = "^ADA$"
-- $10 = "zz"
