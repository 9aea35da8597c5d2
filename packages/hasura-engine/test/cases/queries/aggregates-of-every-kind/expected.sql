-- articles_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."articles" t2
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(*), 'sum' VALUE JSON_OBJECT('views' VALUE sum(t3."views"), 'shelf' VALUE sum(t3."shelf"), 'score' VALUE sum(t3."score") RETURNING json), 'avg' VALUE JSON_OBJECT('shelf' VALUE avg(t3."shelf"), 'id' VALUE avg(t3."id") RETURNING json), 'stddev' VALUE JSON_OBJECT('id' VALUE stddev(t3."id") RETURNING json), 'max' VALUE JSON_OBJECT('title' VALUE max(t3."title"), 'day' VALUE max(t3."day"), 'words' VALUE max(t3."words") RETURNING json), 'min' VALUE JSON_OBJECT('price' VALUE min(t3."price") RETURNING json) RETURNING json)
    FROM t0 t3
  ), 'nodes' VALUE (
    SELECT coalesce(json_agg(t5.j), '[]')
    FROM (
      SELECT JSON_OBJECT('id' VALUE t4."id" RETURNING json) AS j
      FROM t0 t4
    ) t5
  ) RETURNING json)
)::text AS data;
