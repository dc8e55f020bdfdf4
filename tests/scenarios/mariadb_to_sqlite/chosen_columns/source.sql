CREATE TABLE people (id int PRIMARY KEY, name varchar(50), mail varchar(80), country char(2), age int);
INSERT INTO people VALUES
  (1, 'Ada', 'ada@example.org', 'GB', 36), (2, 'Béla', 'bela@example.org', 'HU', NULL),
  (3, 'Cleo', NULL, 'EG', 39), (4, 'Dirk', 'dirk@example.org', 'DE', 52), (5, NULL, 'x@example.org', 'DE', 7);
