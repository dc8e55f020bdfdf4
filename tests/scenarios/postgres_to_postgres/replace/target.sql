CREATE TABLE orders (id int PRIMARY KEY, tags text[], total numeric);
INSERT INTO orders VALUES (1, '{old}', 0), (5000, '{old}', 0);
CREATE VIEW totals AS SELECT count(*) AS n, sum(total) AS total FROM orders;
