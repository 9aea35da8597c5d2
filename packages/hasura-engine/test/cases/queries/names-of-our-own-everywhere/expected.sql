-- papers
SELECT (
  SELECT coalesce(json_agg(t8.j), '[]')
  FROM (
    SELECT JSON_OBJECT('__typename' VALUE 'Paper'::text, 'paperId' VALUE t0."id", 'firstAuthor' VALUE t0."first author", 'author' VALUE (
      SELECT JSON_OBJECT('papers' VALUE (
        SELECT coalesce(json_agg(t7.j), '[]')
        FROM (
          SELECT JSON_OBJECT('label' VALUE t5."label" RETURNING json) AS j
          FROM (
            SELECT t6.*
            FROM "archive"."papers" t6
            WHERE t6."first author" = t4."id"
          ) t5
        ) t7
      ) RETURNING json)
      FROM "public"."authors" t4
      WHERE t4."id" = t0."first author"
        AND TRUE
      LIMIT 1
    ) RETURNING json) AS j
    FROM (
      SELECT DISTINCT ON (t1."id") t1.*
      FROM "archive"."papers" t1
      WHERE ((t1."first author" = ($1::pg_catalog.int4)) AND (EXISTS (
        SELECT 1
        FROM "public"."authors" t2
        WHERE t2."id" = t1."first author"
          AND (EXISTS (
          SELECT 1
          FROM "archive"."papers" t3
          WHERE t3."first author" = t2."id"
            AND (t3."id" > ($2::pg_catalog.int4))
        ))
      )))
      ORDER BY t1."id" ASC NULLS LAST
    ) t0
  ) t8
)::text AS data;
-- $1 = "1"
-- $2 = "0"

-- paper
SELECT coalesce((
  SELECT JSON_OBJECT('label' VALUE t0."label" RETURNING json)
  FROM "archive"."papers" t0
  WHERE (t0."id" = ($1::pg_catalog.int4))
  LIMIT 1
)::text, 'null') AS data;
-- $1 = "2"

-- paperSummary
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "archive"."papers" t2
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(t3."first author"), 'sum' VALUE JSON_OBJECT('firstAuthor' VALUE sum(t3."first author") RETURNING json) RETURNING json)
    FROM t0 t3
  ) RETURNING json)
)::text AS data;

-- authors
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      ORDER BY (
        SELECT max(t2."id")
        FROM "archive"."papers" t2
        WHERE t2."first author" = t1."id"
          AND TRUE
      ) DESC NULLS LAST
    ) t0
  ) t3
)::text AS data;
