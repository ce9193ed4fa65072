-- usable: 0005
-- version
SELECT alembic_version.version_num 
FROM alembic_version
 LIMIT 1
-- open
WITH part_0_0 AS 
(SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NOT NULL ORDER BY task.due_on ASC, (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) ASC, task.created_at DESC, task.number DESC
 LIMIT :most), 
part_1_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NULL AND task.priority IS NOT NULL ORDER BY (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) ASC, task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) >= :most) THEN 0 ELSE :most END), 
part_2_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NULL AND task.priority IS NULL ORDER BY task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) + (SELECT count(*) AS rows 
FROM part_1_0) >= :most) THEN 0 ELSE :most END), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0 UNION ALL SELECT part_1_0.id AS id 
FROM part_1_0 UNION ALL SELECT part_2_0.id AS id 
FROM part_2_0)
 SELECT task.number, task.title 
FROM task 
WHERE task.rowid IN (SELECT ids.id 
FROM ids) ORDER BY task.state ASC, CASE WHEN (CASE WHEN (task.state = 0) THEN task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (task.state = 0) THEN task.due_on END ASC, CASE WHEN (task.state = 0) THEN (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (task.state = 2) THEN task.deleted_at WHEN (task.state = 1) THEN task.completed_at ELSE task.created_at END DESC, task.number DESC
 LIMIT :most
-- done
WITH part_0_0 AS 
(SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 1 AND task.completed_at IS NOT NULL ORDER BY task.completed_at DESC, task.created_at DESC, task.number DESC
 LIMIT :most), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0)
 SELECT task.number, task.title 
FROM task 
WHERE task.rowid IN (SELECT ids.id 
FROM ids) ORDER BY task.state ASC, CASE WHEN (CASE WHEN (task.state = 0) THEN task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (task.state = 0) THEN task.due_on END ASC, CASE WHEN (task.state = 0) THEN (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (task.state = 2) THEN task.deleted_at WHEN (task.state = 1) THEN task.completed_at ELSE task.created_at END DESC, task.number DESC
 LIMIT :most
-- trash
WITH part_0_0 AS 
(SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 2 AND task.deleted_at IS NOT NULL ORDER BY task.deleted_at DESC, task.created_at DESC, task.number DESC
 LIMIT :most), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0)
 SELECT task.number, task.title 
FROM task 
WHERE task.rowid IN (SELECT ids.id 
FROM ids) ORDER BY task.state ASC, CASE WHEN (CASE WHEN (task.state = 0) THEN task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (task.state = 0) THEN task.due_on END ASC, CASE WHEN (task.state = 0) THEN (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (task.state = 2) THEN task.deleted_at WHEN (task.state = 1) THEN task.completed_at ELSE task.created_at END DESC, task.number DESC
 LIMIT :most
-- live
WITH part_0_0 AS 
(SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NOT NULL ORDER BY task.due_on ASC, (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) ASC, task.created_at DESC, task.number DESC
 LIMIT :most), 
part_1_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NULL AND task.priority IS NOT NULL ORDER BY (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) ASC, task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) >= :most) THEN 0 ELSE :most END), 
part_2_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NULL AND task.priority IS NULL ORDER BY task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) + (SELECT count(*) AS rows 
FROM part_1_0) >= :most) THEN 0 ELSE :most END), 
part_3_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 1 AND task.completed_at IS NOT NULL ORDER BY task.completed_at DESC, task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) + (SELECT count(*) AS rows 
FROM part_1_0) + (SELECT count(*) AS rows 
FROM part_2_0) >= :most) THEN 0 ELSE :most END), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0 UNION ALL SELECT part_1_0.id AS id 
FROM part_1_0 UNION ALL SELECT part_2_0.id AS id 
FROM part_2_0 UNION ALL SELECT part_3_0.id AS id 
FROM part_3_0)
 SELECT task.number, task.title 
FROM task 
WHERE task.rowid IN (SELECT ids.id 
FROM ids) ORDER BY task.state ASC, CASE WHEN (CASE WHEN (task.state = 0) THEN task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (task.state = 0) THEN task.due_on END ASC, CASE WHEN (task.state = 0) THEN (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (task.state = 2) THEN task.deleted_at WHEN (task.state = 1) THEN task.completed_at ELSE task.created_at END DESC, task.number DESC
 LIMIT :most
-- any
WITH part_0_0 AS 
(SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NOT NULL ORDER BY task.due_on ASC, (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) ASC, task.created_at DESC, task.number DESC
 LIMIT :most), 
part_1_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NULL AND task.priority IS NOT NULL ORDER BY (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) ASC, task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) >= :most) THEN 0 ELSE :most END), 
part_2_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.due_on IS NULL AND task.priority IS NULL ORDER BY task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) + (SELECT count(*) AS rows 
FROM part_1_0) >= :most) THEN 0 ELSE :most END), 
part_3_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 1 AND task.completed_at IS NOT NULL ORDER BY task.completed_at DESC, task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) + (SELECT count(*) AS rows 
FROM part_1_0) + (SELECT count(*) AS rows 
FROM part_2_0) >= :most) THEN 0 ELSE :most END), 
part_4_0 AS 
(SELECT * 
FROM (SELECT task.rowid AS id 
FROM task 
WHERE task.user_id = :user AND task.state = 2 AND task.deleted_at IS NOT NULL ORDER BY task.deleted_at DESC, task.created_at DESC, task.number DESC
 LIMIT :most) AS "inner"
 LIMIT CASE WHEN ((SELECT count(*) AS rows 
FROM part_0_0) + (SELECT count(*) AS rows 
FROM part_1_0) + (SELECT count(*) AS rows 
FROM part_2_0) + (SELECT count(*) AS rows 
FROM part_3_0) >= :most) THEN 0 ELSE :most END), 
ids AS 
(SELECT part_0_0.id AS id 
FROM part_0_0 UNION ALL SELECT part_1_0.id AS id 
FROM part_1_0 UNION ALL SELECT part_2_0.id AS id 
FROM part_2_0 UNION ALL SELECT part_3_0.id AS id 
FROM part_3_0 UNION ALL SELECT part_4_0.id AS id 
FROM part_4_0)
 SELECT task.number, task.title 
FROM task 
WHERE task.rowid IN (SELECT ids.id 
FROM ids) ORDER BY task.state ASC, CASE WHEN (CASE WHEN (task.state = 0) THEN task.due_on END IS NULL) THEN 1 ELSE 0 END ASC, CASE WHEN (task.state = 0) THEN task.due_on END ASC, CASE WHEN (task.state = 0) THEN (CASE WHEN (task.priority = 'high') THEN 1 WHEN (task.priority = 'medium') THEN 2 WHEN (task.priority = 'low') THEN 3 ELSE 4 END) END ASC, CASE WHEN (task.state = 2) THEN task.deleted_at WHEN (task.state = 1) THEN task.completed_at ELSE task.created_at END DESC, task.number DESC
 LIMIT :most
-- begun
SELECT digits_0.number, digits_0.title, digits_0.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 1 AND task.number < (:digits + 1) * 1 ORDER BY task.number DESC
 LIMIT 100) AS digits_0 UNION ALL SELECT digits_1.number, digits_1.title, digits_1.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 10 AND task.number < (:digits + 1) * 10 ORDER BY task.number DESC
 LIMIT 100) AS digits_1 UNION ALL SELECT digits_2.number, digits_2.title, digits_2.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 100 AND task.number < (:digits + 1) * 100 ORDER BY task.number DESC
 LIMIT 100) AS digits_2 UNION ALL SELECT digits_3.number, digits_3.title, digits_3.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 1000 AND task.number < (:digits + 1) * 1000 ORDER BY task.number DESC
 LIMIT 100) AS digits_3 UNION ALL SELECT digits_4.number, digits_4.title, digits_4.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 10000 AND task.number < (:digits + 1) * 10000 ORDER BY task.number DESC
 LIMIT 100) AS digits_4 UNION ALL SELECT digits_5.number, digits_5.title, digits_5.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 100000 AND task.number < (:digits + 1) * 100000 ORDER BY task.number DESC
 LIMIT 100) AS digits_5 UNION ALL SELECT digits_6.number, digits_6.title, digits_6.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 1000000 AND task.number < (:digits + 1) * 1000000 ORDER BY task.number DESC
 LIMIT 100) AS digits_6 UNION ALL SELECT digits_7.number, digits_7.title, digits_7.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 10000000 AND task.number < (:digits + 1) * 10000000 ORDER BY task.number DESC
 LIMIT 100) AS digits_7 UNION ALL SELECT digits_8.number, digits_8.title, digits_8.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 100000000 AND task.number < (:digits + 1) * 100000000 ORDER BY task.number DESC
 LIMIT 100) AS digits_8 UNION ALL SELECT digits_9.number, digits_9.title, digits_9.state 
FROM (SELECT task.number AS number, task.title AS title, task.state AS state 
FROM task 
WHERE task.user_id = :user AND task.number >= :digits * 1000000000 AND task.number < (:digits + 1) * 1000000000 ORDER BY task.number DESC
 LIMIT 100) AS digits_9
-- projects
WITH RECURSIVE names(name) AS 
(SELECT (SELECT either.name 
FROM (SELECT state_0.name AS name 
FROM (SELECT task.project AS name 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.project IS NOT NULL AND task.project >= :prefix ORDER BY task.project ASC
 LIMIT 1) AS state_0 UNION ALL SELECT state_1.name AS name 
FROM (SELECT task.project AS name 
FROM task 
WHERE task.user_id = :user AND task.state = 1 AND task.project IS NOT NULL AND task.project >= :prefix ORDER BY task.project ASC
 LIMIT 1) AS state_1) AS either ORDER BY either.name ASC
 LIMIT 1) AS name UNION ALL SELECT (SELECT either.name 
FROM (SELECT state_0.name AS name 
FROM (SELECT task.project AS name 
FROM task 
WHERE task.user_id = :user AND task.state = 0 AND task.project IS NOT NULL AND task.project > names.name ORDER BY task.project ASC
 LIMIT 1) AS state_0 UNION ALL SELECT state_1.name AS name 
FROM (SELECT task.project AS name 
FROM task 
WHERE task.user_id = :user AND task.state = 1 AND task.project IS NOT NULL AND task.project > names.name ORDER BY task.project ASC
 LIMIT 1) AS state_1) AS either ORDER BY either.name ASC
 LIMIT 1) AS anon_1 
FROM names 
WHERE names.name IS NOT NULL)
 SELECT names.name 
FROM names 
WHERE names.name IS NOT NULL
 LIMIT :most
-- tags
WITH RECURSIVE names(name) AS 
(SELECT (SELECT tag.name 
FROM tag 
WHERE tag.user_id = :user AND tag.name >= :prefix ORDER BY tag.name ASC
 LIMIT 1) AS name UNION ALL SELECT (SELECT tag.name 
FROM tag 
WHERE tag.user_id = :user AND tag.name > names.name ORDER BY tag.name ASC
 LIMIT 1) AS anon_1 
FROM names 
WHERE names.name IS NOT NULL)
 SELECT names.name 
FROM names 
WHERE names.name IS NOT NULL AND (EXISTS (SELECT 1 
FROM (SELECT tag.task_id AS task_id, tag.name AS name 
FROM tag 
WHERE tag.user_id = :user AND tag.name = names.name ORDER BY tag.task_id
 LIMIT 100) AS few, task 
WHERE task.id = few.task_id AND task.user_id = :user AND task.state < 2 AND (EXISTS (SELECT 1 
FROM json_each(CASE WHEN (json_valid(task.tags) = 1) THEN task.tags ELSE '[]' END) AS there 
WHERE few.name = there.value))))
 LIMIT :most
