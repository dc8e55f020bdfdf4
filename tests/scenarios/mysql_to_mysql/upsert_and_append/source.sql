CREATE TABLE stock (id int PRIMARY KEY, name varchar(50) NOT NULL, price decimal(12,2), seen datetime(6));
INSERT INTO stock VALUES (1, 'chair', 19.90, '2026-01-01 10:00:00.000001'), (2, 'table', NULL, NULL), (3, 'lamp 😀', -0.05, '1000-01-01');
CREATE TABLE log (line text);
INSERT INTO log VALUES ('one'), ('two'), ('two'), (NULL);
