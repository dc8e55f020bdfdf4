CREATE TABLE customers (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  mail varchar(120) NOT NULL UNIQUE,
  born date,
  vip tinyint(1) NOT NULL DEFAULT 0,
  notes json
);
INSERT INTO customers VALUES
  (1, 'a@example.org', '1970-01-01', 1, '{"a": [1, 2]}'),
  (2, 'ß@example.org', NULL, 0, NULL),
  (18446744073709551615, 'last@example.org', '9999-12-31', 0, 'null');
CREATE TABLE orders (
  customer bigint unsigned NOT NULL,
  number int NOT NULL,
  total decimal(20,4) NOT NULL,
  state enum('new', 'paid', 'it''s gone') NOT NULL,
  at timestamp(3) NULL,
  PRIMARY KEY (customer, number)
);
SET time_zone = '+00:00';
INSERT INTO orders VALUES
  (1, 1, 12.5, 'new', '2026-03-29 01:30:00.123'),
  (1, 2, -99999999999.9999, 'paid', NULL),
  (2, 1, 0, 'it''s gone', '2038-01-19 03:14:07');
CREATE TABLE tmp_junk (x int);
