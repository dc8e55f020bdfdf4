CREATE TABLE stock (id int PRIMARY KEY, name varchar(50) NOT NULL, price decimal(12,2), seen datetime(6));
INSERT INTO stock VALUES (2, 'old table', 1, NULL), (9, 'kept', 1.00, NULL);
