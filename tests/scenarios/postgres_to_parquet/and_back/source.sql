CREATE TABLE m (id bigint PRIMARY KEY, v numeric(12,3), at timestamptz, d date, b bytea, j jsonb);
INSERT INTO m SELECT i, i / 8.0, timestamptz '2026-01-01 00:00:00.000001+00' + i * interval '1 hour', date '2026-01-01' + i, decode(lpad(to_hex(i), 8, '0'), 'hex'), jsonb_build_object('i', i) FROM generate_series(1, 500) i;
INSERT INTO m VALUES (0, NULL, NULL, NULL, NULL, NULL);
