-- articles
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id", 'author_id' VALUE t0."author_id" RETURNING json) AS j
    FROM (
      SELECT DISTINCT ON (t1."author_id") t1.*
      FROM "public"."articles" t1
      ORDER BY t1."author_id" ASC NULLS LAST, t1."id" DESC NULLS FIRST
    ) t0
  ) t2
)::text AS data;
