/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: 127.0.0.1    Database: shop
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Current Database: `shop`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;

USE `shop`;

--
-- Table structure for table `cust`
--

DROP TABLE IF EXISTS `cust`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `cust` (
  `id` int(11) NOT NULL,
  `name` varchar(50) NOT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `cust`
--

LOCK TABLES `cust` WRITE;
/*!40000 ALTER TABLE `cust` DISABLE KEYS */;
INSERT INTO `cust` (`id`, `name`) VALUES (1,'x');
INSERT INTO `cust` (`id`, `name`) VALUES (2,'y;z');
/*!40000 ALTER TABLE `cust` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `nokey`
--

DROP TABLE IF EXISTS `nokey`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `nokey` (
  `od"d ``name` int(11) DEFAULT NULL,
  `select` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci
 PARTITION BY HASH (`od"d ``name`)
PARTITIONS 2;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `nokey`
--

LOCK TABLES `nokey` WRITE;
/*!40000 ALTER TABLE `nokey` DISABLE KEYS */;
INSERT INTO `nokey` (`od"d ``name`, `select`) VALUES (2,'/* no */');
INSERT INTO `nokey` (`od"d ``name`, `select`) VALUES (1,'-- no');
INSERT INTO `nokey` (`od"d ``name`, `select`) VALUES (3,'# no');
/*!40000 ALTER TABLE `nokey` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `ord`
--

DROP TABLE IF EXISTS `ord`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `ord` (
  `a` int(11) NOT NULL,
  `b` varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `c` int(11) DEFAULT NULL,
  PRIMARY KEY (`a`,`b`),
  KEY `fk1` (`c`),
  CONSTRAINT `fk1` FOREIGN KEY (`c`) REFERENCES `cust` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `ord`
--

LOCK TABLES `ord` WRITE;
/*!40000 ALTER TABLE `ord` DISABLE KEYS */;
INSERT INTO `ord` (`a`, `b`, `c`) VALUES (1,'k',1);
INSERT INTO `ord` (`a`, `b`, `c`) VALUES (2,'l',2);
/*!40000 ALTER TABLE `ord` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET @saved_cs_results     = @@character_set_results */ ;
/*!50003 SET @saved_col_connection = @@collation_connection */ ;
/*!50003 SET character_set_client  = utf8mb4 */ ;
/*!50003 SET character_set_results = utf8mb4 */ ;
/*!50003 SET collation_connection  = utf8mb4_general_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`127.0.0.1`*/ /*!50003 trigger trg before insert on ord for each row begin insert into nokey values (9,'trig;'); set new.c = 1; end 
*/;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
/*!50003 SET character_set_client  = @saved_cs_client */ ;
/*!50003 SET character_set_results = @saved_cs_results */ ;
/*!50003 SET collation_connection  = @saved_col_connection */ ;

--
-- Table structure for table `t_all`
--

DROP TABLE IF EXISTS `t_all`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `t_all` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `ti` tinyint(4) DEFAULT NULL,
  `tiu` tinyint(3) unsigned DEFAULT NULL,
  `b1` tinyint(1) DEFAULT 1,
  `si` smallint(6) DEFAULT NULL,
  `siu` smallint(5) unsigned zerofill DEFAULT NULL,
  `mi` mediumint(9) DEFAULT NULL,
  `miu` mediumint(8) unsigned DEFAULT NULL,
  `i` int(11) DEFAULT -5,
  `iu` int(10) unsigned DEFAULT NULL,
  `bi` bigint(20) DEFAULT NULL,
  `d` decimal(12,2) unsigned DEFAULT 1.50,
  `dbig` decimal(65,30) DEFAULT NULL,
  `f` float DEFAULT NULL,
  `db` double DEFAULT NULL,
  `bt` bit(8) DEFAULT b'101',
  `bt1` bit(1) DEFAULT NULL,
  `bt64` bit(64) DEFAULT NULL,
  `c` char(10) DEFAULT 'it''s',
  `vc` varchar(200) CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL COMMENT 'a; comment -- with ''quotes''',
  `tt` tinytext DEFAULT NULL,
  `tx` mediumtext DEFAULT NULL,
  `bn` binary(4) DEFAULT NULL,
  `vb` varbinary(300) DEFAULT NULL,
  `bl` longblob DEFAULT NULL,
  `da` date DEFAULT '2020-01-01',
  `dt` datetime(6) DEFAULT NULL,
  `ts` timestamp(3) NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
  `tm` time(6) DEFAULT NULL,
  `y` year(4) DEFAULT NULL,
  `e` enum('a','b''c','d,e') DEFAULT 'a',
  `s` set('x','y','z') DEFAULT NULL,
  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),
  `g` geometry DEFAULT NULL,
  `pt` point DEFAULT NULL,
  `u` uuid DEFAULT NULL,
  `ip` inet6 DEFAULT NULL,
  `gen` int(11) GENERATED ALWAYS AS (`i` + 1) VIRTUAL,
  `gens` int(11) GENERATED ALWAYS AS (`i` * 2) STORED,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq` (`i`,`vc`(20)),
  KEY `k1` (`vc`,`da` DESC),
  FULLTEXT KEY `ft` (`tx`),
  CONSTRAINT `CONSTRAINT_1` CHECK (`i` < 100000)
) ENGINE=InnoDB AUTO_INCREMENT=103 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='table; comment';
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `t_all`
--

LOCK TABLES `t_all` WRITE;
/*!40000 ALTER TABLE `t_all` DISABLE KEYS */;
INSERT INTO `t_all` (`id`, `ti`, `tiu`, `b1`, `si`, `siu`, `mi`, `miu`, `i`, `iu`, `bi`, `d`, `dbig`, `f`, `db`, `bt`, `bt1`, `bt64`, `c`, `vc`, `tt`, `tx`, `bn`, `vb`, `bl`, `da`, `dt`, `ts`, `tm`, `y`, `e`, `s`, `j`, `g`, `pt`, `u`, `ip`, `gen`, `gens`) VALUES (100,-128,255,0,-32768,65535,-8388608,16777215,-2147,4294967295,-9223372036854775808,99.99,12345678901234567890123456789012345.123456789012345678901234567890,1.1,1.7976931348623157e308,0xFF,0x01,0xFFFFFFFFFFFFFFFF,'a\'b','cafu00e9; -- x','tiny','line1\nline2\r\ntab	 nul\0 back\\slash \" 😀 \Z',0x00FF2762,'',0x275C0A0D001A,'0001-01-01','9999-12-31 23:59:59.999999','2038-01-19 03:14:07.999','-838:59:59.000001',2155,'b\'c','x,z','{\"a\": [1, \"x\\n\"]}',0xE61000000103000000010000000400000000000000000000000000000000000000000000000000F03F0000000000000000000000000000F03F000000000000F03F00000000000000000000000000000000,0x000000000101000000000000000000F03F0000000000000040,'123e4567-e89b-12d3-a456-426655440000','::1',-2146,-4294);
INSERT INTO `t_all` (`id`, `ti`, `tiu`, `b1`, `si`, `siu`, `mi`, `miu`, `i`, `iu`, `bi`, `d`, `dbig`, `f`, `db`, `bt`, `bt1`, `bt64`, `c`, `vc`, `tt`, `tx`, `bn`, `vb`, `bl`, `da`, `dt`, `ts`, `tm`, `y`, `e`, `s`, `j`, `g`, `pt`, `u`, `ip`, `gen`, `gens`) VALUES (101,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO `t_all` (`id`, `ti`, `tiu`, `b1`, `si`, `siu`, `mi`, `miu`, `i`, `iu`, `bi`, `d`, `dbig`, `f`, `db`, `bt`, `bt1`, `bt64`, `c`, `vc`, `tt`, `tx`, `bn`, `vb`, `bl`, `da`, `dt`, `ts`, `tm`, `y`, `e`, `s`, `j`, `g`, `pt`, `u`, `ip`, `gen`, `gens`) VALUES (102,0,0,1,0,00000,0,0,0,0,0,0.00,0.000000000000000000000000000000,0,0,0x00,0x00,0x0000000000000000,'','','','',0x00000000,'','','0000-00-00','0000-00-00 00:00:00.000000',NULL,'00:00:00.000000',0000,'a','','null',NULL,NULL,NULL,NULL,1,0);
/*!40000 ALTER TABLE `t_all` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Temporary table structure for view `v`
--

DROP TABLE IF EXISTS `v`;
/*!50001 DROP VIEW IF EXISTS `v`*/;
SET @saved_cs_client     = @@character_set_client;
SET character_set_client = utf8mb4;
/*!50001 CREATE VIEW `v` AS SELECT
 NULL AS `id`,
 NULL AS `name` */;
SET character_set_client = @saved_cs_client;

--
-- Current Database: `shop`
--

USE `shop`;

--
-- Final view structure for view `v`
--

/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 SET @saved_cs_client          = @@character_set_client */;
/*!50001 SET @saved_cs_results         = @@character_set_results */;
/*!50001 SET @saved_col_connection     = @@collation_connection */;
/*!50001 SET character_set_client      = utf8mb4 */;
/*!50001 SET character_set_results     = utf8mb4 */;
/*!50001 SET collation_connection      = utf8mb4_general_ci */;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`127.0.0.1` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `cust`.`id` AS `id`,`cust`.`name` AS `name` from `cust` */;
/*!50001 SET character_set_client      = @saved_cs_client */;
/*!50001 SET character_set_results     = @saved_cs_results */;
/*!50001 SET collation_connection      = @saved_col_connection */;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-21  3:03:08
