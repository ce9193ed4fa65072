-- usable: 0005
-- version
SELECT todo.alembic_version.version_num 
FROM todo.alembic_version 
 LIMIT 1
-- open
WITH part_0_0 AS 
(SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NOT NULL ORDER BY todo.task.due_on ASC, (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) ASC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER), 
part_1_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NULL AND todo.task.priority IS NOT NULL ORDER BY (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) ASC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN ((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
part_2_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NULL AND todo.task.priority IS NULL ORDER BY todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN (((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_1_0)) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0 UNION ALL SELECT part_1_0.id AS id 
FROM part_1_0 UNION ALL SELECT part_2_0.id AS id 
FROM part_2_0)
 SELECT todo.task.number, todo.task.title 
FROM todo.task 
WHERE todo.task.id OPERATOR(pg_catalog.=) ANY (SELECT ids.id 
FROM ids) ORDER BY todo.task.state ASC, CASE WHEN (CASE WHEN ((todo.task.state OPERATOR(pg_catalog.=) 0)) THEN todo.task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN todo.task.due_on END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 2) THEN todo.task.deleted_at WHEN (todo.task.state OPERATOR(pg_catalog.=) 1) THEN todo.task.completed_at ELSE todo.task.created_at END DESC, todo.task.number DESC 
 LIMIT :most::INTEGER
-- done
WITH part_0_0 AS 
(SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 1 AND todo.task.completed_at IS NOT NULL ORDER BY todo.task.completed_at DESC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0)
 SELECT todo.task.number, todo.task.title 
FROM todo.task 
WHERE todo.task.id OPERATOR(pg_catalog.=) ANY (SELECT ids.id 
FROM ids) ORDER BY todo.task.state ASC, CASE WHEN (CASE WHEN ((todo.task.state OPERATOR(pg_catalog.=) 0)) THEN todo.task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN todo.task.due_on END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 2) THEN todo.task.deleted_at WHEN (todo.task.state OPERATOR(pg_catalog.=) 1) THEN todo.task.completed_at ELSE todo.task.created_at END DESC, todo.task.number DESC 
 LIMIT :most::INTEGER
-- trash
WITH part_0_0 AS 
(SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 2 AND todo.task.deleted_at IS NOT NULL ORDER BY todo.task.deleted_at DESC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0)
 SELECT todo.task.number, todo.task.title 
FROM todo.task 
WHERE todo.task.id OPERATOR(pg_catalog.=) ANY (SELECT ids.id 
FROM ids) ORDER BY todo.task.state ASC, CASE WHEN (CASE WHEN ((todo.task.state OPERATOR(pg_catalog.=) 0)) THEN todo.task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN todo.task.due_on END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 2) THEN todo.task.deleted_at WHEN (todo.task.state OPERATOR(pg_catalog.=) 1) THEN todo.task.completed_at ELSE todo.task.created_at END DESC, todo.task.number DESC 
 LIMIT :most::INTEGER
-- live
WITH part_0_0 AS 
(SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NOT NULL ORDER BY todo.task.due_on ASC, (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) ASC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER), 
part_1_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NULL AND todo.task.priority IS NOT NULL ORDER BY (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) ASC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN ((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
part_2_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NULL AND todo.task.priority IS NULL ORDER BY todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN (((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_1_0)) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
part_3_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 1 AND todo.task.completed_at IS NOT NULL ORDER BY todo.task.completed_at DESC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN (((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_1_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_2_0)) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0 UNION ALL SELECT part_1_0.id AS id 
FROM part_1_0 UNION ALL SELECT part_2_0.id AS id 
FROM part_2_0 UNION ALL SELECT part_3_0.id AS id 
FROM part_3_0)
 SELECT todo.task.number, todo.task.title 
FROM todo.task 
WHERE todo.task.id OPERATOR(pg_catalog.=) ANY (SELECT ids.id 
FROM ids) ORDER BY todo.task.state ASC, CASE WHEN (CASE WHEN ((todo.task.state OPERATOR(pg_catalog.=) 0)) THEN todo.task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN todo.task.due_on END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 2) THEN todo.task.deleted_at WHEN (todo.task.state OPERATOR(pg_catalog.=) 1) THEN todo.task.completed_at ELSE todo.task.created_at END DESC, todo.task.number DESC 
 LIMIT :most::INTEGER
-- any
WITH part_0_0 AS 
(SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NOT NULL ORDER BY todo.task.due_on ASC, (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) ASC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER), 
part_1_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NULL AND todo.task.priority IS NOT NULL ORDER BY (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) ASC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN ((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
part_2_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.due_on IS NULL AND todo.task.priority IS NULL ORDER BY todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN (((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_1_0)) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
part_3_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 1 AND todo.task.completed_at IS NOT NULL ORDER BY todo.task.completed_at DESC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN (((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_1_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_2_0)) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
part_4_0 AS 
(SELECT * 
FROM (SELECT todo.task.id AS id 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 2 AND todo.task.deleted_at IS NOT NULL ORDER BY todo.task.deleted_at DESC, todo.task.created_at DESC, todo.task.number DESC 
 LIMIT :most::INTEGER) AS "inner" 
 LIMIT CASE WHEN (((SELECT pg_catalog.count(*) AS rows 
FROM part_0_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_1_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_2_0) OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) AS rows 
FROM part_3_0)) OPERATOR(pg_catalog.>=) :most::INTEGER) THEN 0 ELSE :most::INTEGER END), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0 UNION ALL SELECT part_1_0.id AS id 
FROM part_1_0 UNION ALL SELECT part_2_0.id AS id 
FROM part_2_0 UNION ALL SELECT part_3_0.id AS id 
FROM part_3_0 UNION ALL SELECT part_4_0.id AS id 
FROM part_4_0)
 SELECT todo.task.number, todo.task.title 
FROM todo.task 
WHERE todo.task.id OPERATOR(pg_catalog.=) ANY (SELECT ids.id 
FROM ids) ORDER BY todo.task.state ASC, CASE WHEN (CASE WHEN ((todo.task.state OPERATOR(pg_catalog.=) 0)) THEN todo.task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN todo.task.due_on END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 0) THEN (CASE WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (todo.task.priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (todo.task.state OPERATOR(pg_catalog.=) 2) THEN todo.task.deleted_at WHEN (todo.task.state OPERATOR(pg_catalog.=) 1) THEN todo.task.completed_at ELSE todo.task.created_at END DESC, todo.task.number DESC 
 LIMIT :most::INTEGER
-- begun
SELECT digits_0.number, digits_0.title, digits_0.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 1) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 1) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_0 UNION ALL SELECT digits_1.number, digits_1.title, digits_1.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 10) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 10) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_1 UNION ALL SELECT digits_2.number, digits_2.title, digits_2.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 100) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 100) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_2 UNION ALL SELECT digits_3.number, digits_3.title, digits_3.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 1000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 1000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_3 UNION ALL SELECT digits_4.number, digits_4.title, digits_4.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 10000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 10000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_4 UNION ALL SELECT digits_5.number, digits_5.title, digits_5.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 100000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 100000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_5 UNION ALL SELECT digits_6.number, digits_6.title, digits_6.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 1000000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 1000000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_6 UNION ALL SELECT digits_7.number, digits_7.title, digits_7.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 10000000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 10000000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_7 UNION ALL SELECT digits_8.number, digits_8.title, digits_8.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 100000000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 100000000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_8 UNION ALL SELECT digits_9.number, digits_9.title, digits_9.state 
FROM (SELECT todo.task.number AS number, todo.task.title AS title, todo.task.state AS state 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.number OPERATOR(pg_catalog.>=) (:digits::BIGINT OPERATOR(pg_catalog.*) 1000000000) AND todo.task.number OPERATOR(pg_catalog.<) (((:digits::BIGINT OPERATOR(pg_catalog.+) 1)) OPERATOR(pg_catalog.*) 1000000000) ORDER BY todo.task.number DESC 
 LIMIT 100) AS digits_9
-- projects
WITH RECURSIVE names(name) AS 
(SELECT (SELECT either.name 
FROM (SELECT state_0.name AS name 
FROM (SELECT todo.task.project AS name 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.project IS NOT NULL AND (todo.task.project COLLATE pg_catalog."C") OPERATOR(pg_catalog.>=) (:prefix::pg_catalog.text COLLATE pg_catalog."C") ORDER BY (todo.task.project COLLATE pg_catalog."C") ASC 
 LIMIT 1) AS state_0 UNION ALL SELECT state_1.name AS name 
FROM (SELECT todo.task.project AS name 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 1 AND todo.task.project IS NOT NULL AND (todo.task.project COLLATE pg_catalog."C") OPERATOR(pg_catalog.>=) (:prefix::pg_catalog.text COLLATE pg_catalog."C") ORDER BY (todo.task.project COLLATE pg_catalog."C") ASC 
 LIMIT 1) AS state_1) AS either ORDER BY (either.name COLLATE pg_catalog."C") ASC 
 LIMIT 1) AS name UNION ALL SELECT (SELECT either.name 
FROM (SELECT state_0.name AS name 
FROM (SELECT todo.task.project AS name 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 0 AND todo.task.project IS NOT NULL AND (todo.task.project COLLATE pg_catalog."C") OPERATOR(pg_catalog.>) (names.name COLLATE pg_catalog."C") ORDER BY (todo.task.project COLLATE pg_catalog."C") ASC 
 LIMIT 1) AS state_0 UNION ALL SELECT state_1.name AS name 
FROM (SELECT todo.task.project AS name 
FROM todo.task 
WHERE todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.=) 1 AND todo.task.project IS NOT NULL AND (todo.task.project COLLATE pg_catalog."C") OPERATOR(pg_catalog.>) (names.name COLLATE pg_catalog."C") ORDER BY (todo.task.project COLLATE pg_catalog."C") ASC 
 LIMIT 1) AS state_1) AS either ORDER BY (either.name COLLATE pg_catalog."C") ASC 
 LIMIT 1) AS anon_1 
FROM names 
WHERE names.name IS NOT NULL)
 SELECT names.name 
FROM names 
WHERE names.name IS NOT NULL 
 LIMIT :most::INTEGER
-- tags
WITH RECURSIVE names(name) AS 
(SELECT (SELECT todo.tag.name 
FROM todo.tag 
WHERE todo.tag.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.tag.name OPERATOR(pg_catalog.>=) :prefix::pg_catalog.text ORDER BY todo.tag.name ASC 
 LIMIT 1) AS name UNION ALL SELECT (SELECT todo.tag.name 
FROM todo.tag 
WHERE todo.tag.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.tag.name OPERATOR(pg_catalog.>) names.name ORDER BY todo.tag.name ASC 
 LIMIT 1) AS anon_1 
FROM names 
WHERE names.name IS NOT NULL)
 SELECT names.name 
FROM names 
WHERE names.name IS NOT NULL AND (EXISTS (SELECT 1 
FROM (SELECT todo.tag.task_id AS task_id, todo.tag.name AS name 
FROM todo.tag 
WHERE (todo.tag.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text) AND (todo.tag.name OPERATOR(pg_catalog.=) names.name) ORDER BY todo.tag.task_id 
 LIMIT 100) AS few, todo.task 
WHERE todo.task.id OPERATOR(pg_catalog.=) few.task_id AND todo.task.user_id OPERATOR(pg_catalog.=) :user::pg_catalog.text AND todo.task.state OPERATOR(pg_catalog.<) 2 AND few.name OPERATOR(pg_catalog.=) ANY (todo.task.tags))) 
 LIMIT :most::INTEGER
