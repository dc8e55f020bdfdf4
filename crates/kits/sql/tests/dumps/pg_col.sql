--
-- PostgreSQL database dump
--

\restrict 4ZdtcxX2IrpzLCcd1518PIK5iB0DaLa27XBNiFh83DKo2pZxKfJp8TN9LsLj11i

-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: odd sch; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA "odd sch";


ALTER SCHEMA "odd sch" OWNER TO postgres;

--
-- Name: hstore; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;


--
-- Name: EXTENSION hstore; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION hstore IS 'data type for storing sets of (key, value) pairs';


--
-- Name: comp; Type: TYPE; Schema: public; Owner: postgres
--

CREATE TYPE public.comp AS (
	a integer,
	b text
);


ALTER TYPE public.comp OWNER TO postgres;

--
-- Name: dom; Type: DOMAIN; Schema: public; Owner: postgres
--

CREATE DOMAIN public.dom AS numeric(5,1)
	CONSTRAINT dom_check CHECK ((VALUE > (0)::numeric));


ALTER DOMAIN public.dom OWNER TO postgres;

--
-- Name: mood; Type: TYPE; Schema: public; Owner: postgres
--

CREATE TYPE public.mood AS ENUM (
    'sad',
    'o''k',
    'happy'
);


ALTER TYPE public.mood OWNER TO postgres;

--
-- Name: fn(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.fn() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ begin insert into cust values (9,'fn'); return new; end; $$;


ALTER FUNCTION public.fn() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: T.b; Type: TABLE; Schema: odd sch; Owner: postgres
--

CREATE TABLE "odd sch"."T.b" (
    a integer NOT NULL,
    b text
);


ALTER TABLE "odd sch"."T.b" OWNER TO postgres;

--
-- Name: cust; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.cust (
    id integer NOT NULL,
    name character varying(50) NOT NULL
);


ALTER TABLE public.cust OWNER TO postgres;

--
-- Name: ord; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.ord (
    a integer NOT NULL,
    b text NOT NULL,
    c integer
);


ALTER TABLE public.ord OWNER TO postgres;

--
-- Name: part; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.part (
    id integer,
    v text
)
PARTITION BY RANGE (id);


ALTER TABLE public.part OWNER TO postgres;

--
-- Name: part_1; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.part_1 (
    id integer,
    v text
);


ALTER TABLE public.part_1 OWNER TO postgres;

--
-- Name: t_all; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.t_all (
    id bigint NOT NULL,
    s smallint DEFAULT 5,
    i integer NOT NULL,
    b boolean DEFAULT true,
    r real,
    d double precision,
    n numeric(12,2) DEFAULT 1.50,
    nn numeric,
    n38 numeric(38,10),
    big numeric(76,0),
    c character(5),
    vc character varying(20) DEFAULT 'it''s'::character varying,
    t text,
    by bytea,
    da date,
    ts timestamp without time zone,
    ts3 timestamp(3) without time zone,
    tz timestamp with time zone DEFAULT now(),
    tm time without time zone,
    tmz time with time zone,
    iv interval,
    u uuid,
    j json,
    jb jsonb,
    x xml,
    m public.mood,
    ar integer[],
    ta text[],
    ip inet,
    ci cidr,
    mac macaddr,
    bi bit(5),
    vb bit varying,
    mo money,
    pt point,
    rng int4range,
    tsv tsvector,
    cm public.comp,
    dm public.dom,
    h public.hstore,
    o oid,
    gen integer GENERATED ALWAYS AS ((s * 2)) STORED,
    "Odd ""name" text
);


ALTER TABLE public.t_all OWNER TO postgres;

--
-- Name: TABLE t_all; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON TABLE public.t_all IS 'tab; comment';


--
-- Name: COLUMN t_all.t; Type: COMMENT; Schema: public; Owner: postgres
--

COMMENT ON COLUMN public.t_all.t IS 'col ''comment''';


--
-- Name: t_all_i_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

ALTER TABLE public.t_all ALTER COLUMN i ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.t_all_i_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: t_all_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.t_all_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.t_all_id_seq OWNER TO postgres;

--
-- Name: t_all_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.t_all_id_seq OWNED BY public.t_all.id;


--
-- Name: v; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.v AS
 SELECT cust.id,
    cust.name
   FROM public.cust;


ALTER TABLE public.v OWNER TO postgres;

--
-- Name: part_1; Type: TABLE ATTACH; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.part ATTACH PARTITION public.part_1 FOR VALUES FROM (0) TO (10);


--
-- Name: t_all id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.t_all ALTER COLUMN id SET DEFAULT nextval('public.t_all_id_seq'::regclass);


--
-- Data for Name: T.b; Type: TABLE DATA; Schema: odd sch; Owner: postgres
--

INSERT INTO "odd sch"."T.b" (a, b) VALUES
	(1, '$$;$$');


--
-- Data for Name: cust; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.cust (id, name) VALUES
	(1, 'x'),
	(2, 'y;z');


--
-- Data for Name: ord; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.ord (a, b, c) VALUES
	(1, 'k', 1);


--
-- Data for Name: part_1; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.part_1 (id, v) VALUES
	(1, 'p'),
	(2, 'tab	and \N \ back');


--
-- Data for Name: t_all; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.t_all (id, s, i, b, r, d, n, nn, n38, big, c, vc, t, by, da, ts, ts3, tz, tm, tmz, iv, u, j, jb, x, m, ar, ta, ip, ci, mac, bi, vb, mo, pt, rng, tsv, cm, dm, h, o, "Odd ""name") OVERRIDING SYSTEM VALUE VALUES
	(1, 5, 1, true, 1.1, 1e+308, 99.99, 123456789012345678901234567890.123456789, 1.5000000000, 9999999999999999999999999999999999999999999999999999999999999999999999999999, 'ab   ', 'x;y', 'line1
line2	\ back '' q -- $$ 😀', '\x00ff27', '0044-03-15 BC', '0044-03-15 01:02:03.000001 BC', '2020-01-01 00:00:00.123', '2020-06-01 10:00:00+00', '24:00:00', '12:00:00+05:30', '1 year 2 mons -3 days +04:05:06.7', '123e4567-e89b-12d3-a456-426655440000', '{"a":1}', '{"b": [1, 2]}', '<a/>', 'o''k', '{1,NULL,3}', '{{a,"b,c"},{d,"e\"f"}}', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', B'10101', B'111', '$12.34', '(1,2)', '[1,5)', '''a'' ''b''', '(1,"x,y")', 5.5, '"a"=>"1"', 42, 'odd'),
	(2, 5, 2, false, 'NaN', '-Infinity', 'NaN', 'NaN', NULL, NULL, '     ', '', '', '\x', 'infinity', '-infinity', NULL, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL, NULL, NULL, B'', NULL, NULL, 'empty', '', NULL, NULL, '', NULL, '');
INSERT INTO public.t_all (id, s, i, b, r, d, n, nn, n38, big, c, vc, t, by, da, ts, ts3, tz, tm, tmz, iv, u, j, jb, x, m, ar, ta, ip, ci, mac, bi, vb, mo, pt, rng, tsv, cm, dm, h, o, "Odd ""name") OVERRIDING SYSTEM VALUE VALUES
	(3, 5, 3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);


--
-- Name: t_all_i_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.t_all_i_seq', 3, true);


--
-- Name: t_all_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.t_all_id_seq', 3, true);


--
-- Name: T.b T.b_pkey; Type: CONSTRAINT; Schema: odd sch; Owner: postgres
--

ALTER TABLE ONLY "odd sch"."T.b"
    ADD CONSTRAINT "T.b_pkey" PRIMARY KEY (a);


--
-- Name: cust cust_name_key; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cust
    ADD CONSTRAINT cust_name_key UNIQUE (name);


--
-- Name: cust cust_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.cust
    ADD CONSTRAINT cust_pkey PRIMARY KEY (id);


--
-- Name: ord ord_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.ord
    ADD CONSTRAINT ord_pkey PRIMARY KEY (a, b);


--
-- Name: t_all t_all_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.t_all
    ADD CONSTRAINT t_all_pkey PRIMARY KEY (id);


--
-- Name: ix; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX ix ON public.t_all USING btree (da DESC);


--
-- Name: ixe; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX ixe ON public.t_all USING btree (lower(t));


--
-- Name: ixp; Type: INDEX; Schema: public; Owner: postgres
--

CREATE INDEX ixp ON public.t_all USING btree (s) WHERE (s > 1);


--
-- Name: uq; Type: INDEX; Schema: public; Owner: postgres
--

CREATE UNIQUE INDEX uq ON public.t_all USING btree (n, vc);


--
-- Name: ord tg; Type: TRIGGER; Schema: public; Owner: postgres
--

CREATE TRIGGER tg BEFORE INSERT ON public.ord FOR EACH ROW EXECUTE FUNCTION public.fn();


--
-- Name: ord ord_c_fkey; Type: FK CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.ord
    ADD CONSTRAINT ord_c_fkey FOREIGN KEY (c) REFERENCES public.cust(id);


--
-- PostgreSQL database dump complete
--

\unrestrict 4ZdtcxX2IrpzLCcd1518PIK5iB0DaLa27XBNiFh83DKo2pZxKfJp8TN9LsLj11i

