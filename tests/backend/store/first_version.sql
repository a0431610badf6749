BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE cache (
	"key" TEXT NOT NULL, 
	pipeline TEXT NOT NULL, 
	step TEXT NOT NULL, 
	run TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	ingredients TEXT NOT NULL, 
	result TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "cache" VALUES('5d7bf9d13c0055126852f832409960939d6929d96d67f7d7d9361615454b6ccf','old','load','old-20261127-124008-3c46',1.79578321176017928128e+09,'{"code/0": "5d77e0fbaf503d0aefffad1708158ee08e43cefa77a9d7f828be68b8c731f939", "environment": "59be57efa82caef0b4132a7d649a5666f7bc79ffc0a77cf17db4bfec9dcc17e1", "folder": "/notebooks", "outputs": "8045a837d3cf3fe1e0201be3741d6cf1de83db38adc2e04cdce9ba1d4e3d7cf4", "parameter/n": "3", "recipe": "1"}','{"artifacts": [{"digest": "7edd524394df3cb40b68ac5c68d0ed9221e3d2c30a78885cbc0fc1b90b7314c6", "names": ["xs"], "path": "/data/artifacts/7e/7edd524394df3cb40b68ac5c68d0ed9221e3d2c30a78885cbc0fc1b90b7314c6", "size": 207, "values": [{"digest": "efc36fe536837bef2c1960283b173d36a92d5ba40bbb37aa60f912196755e79a", "name": "xs", "preview": {"columns": null, "rows": null, "text": "[0.47134410485952194, 0.16652844780681753, 0.9199856770739706]", "truncated": false}, "shape": [3], "size": 207, "type": "list"}]}], "cells": [{"id": "c1", "index": 1, "seconds": 0.03674642099940684, "started": 1795783211.049219, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.2100941270000476, "started": 1795783210.912454, "state": "succeeded"}');
INSERT INTO "cache" VALUES('bf34e624f91c72f3f660983bd0f23aaf5e9889ec8d42838b0236b98325e00413','old','use','old-20261127-124008-3c46',1.79578321419732117657e+09,'{"code/0": "35675c26f093b3a8bd43a8fb82b920497127e1d1a2274bc556536be3cd7d7bab", "environment": "59be57efa82caef0b4132a7d649a5666f7bc79ffc0a77cf17db4bfec9dcc17e1", "folder": "/notebooks", "outputs": "4226ff5a7a174c87f04c4ae08c365f73e38b8afa782dc6213093a9a25a8ba2ea", "recipe": "1", "value/load/xs": "efc36fe536837bef2c1960283b173d36a92d5ba40bbb37aa60f912196755e79a"}','{"artifacts": [{"digest": "45645d3095de0e0c17f896a1ab91c01e94941e85252fa985a753348947bd22df", "names": ["total"], "path": "/data/artifacts/45/45645d3095de0e0c17f896a1ab91c01e94941e85252fa985a753348947bd22df", "size": 191, "values": [{"digest": "4002d9c35d43708caea3eee206a7c7646039c76eed16492ff18986136be7a99f", "name": "total", "preview": {"columns": null, "rows": null, "text": "1.55785822974031", "truncated": false}, "shape": null, "size": 191, "type": "float"}]}], "cells": [{"id": "c2", "index": 2, "seconds": 0.026201619999483228, "started": 1795783213.545245, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.19606988000305137, "started": 1795783213.40047, "state": "succeeded"}');
INSERT INTO "cache" VALUES('039054fb44ccf26db6345929750bfe762b74386993833b2d9a182381af0b6f79','old','end','old-20261127-124008-3c46',1.79578321663746309278e+09,'{"code/0": "97678138a07329a9ff5ce5081071fd68f4086decb124bba65cd514735afa0d0f", "environment": "59be57efa82caef0b4132a7d649a5666f7bc79ffc0a77cf17db4bfec9dcc17e1", "folder": "/notebooks", "outputs": "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945", "recipe": "1", "value/use/total": "4002d9c35d43708caea3eee206a7c7646039c76eed16492ff18986136be7a99f"}','{"artifacts": [], "cells": [{"id": "c3", "index": 3, "seconds": 0.025370180999743752, "started": 1795783216.0186677, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.17494821800210048, "started": 1795783215.8838193, "state": "succeeded"}');
INSERT INTO "cache" VALUES('20f6e8506fb5f53446fb4636f5f188f98d1a71ae14ff8e9eff80afb89961dba8','bad','a','bad-20261127-124044-023d',1.79578324617808151239e+09,'{"code/0": "fca9b332ce6ae51aef2d78bba9d0799fc2e0e044610feb034892ee32d0acb479", "environment": "59be57efa82caef0b4132a7d649a5666f7bc79ffc0a77cf17db4bfec9dcc17e1", "folder": "/notebooks", "outputs": "dad4c609a95bd9af753b0f457e7f4b2a666c95df6e88e64685bbf3f17bd149f7", "recipe": "1"}','{"artifacts": [{"digest": "944d7b8891da4e7297a5e757605f21b8d433cb2763613272ec38ba64782704f9", "names": ["x"], "path": "/data/artifacts/94/944d7b8891da4e7297a5e757605f21b8d433cb2763613272ec38ba64782704f9", "size": 176, "values": [{"digest": "da217d50752f3371d9f8b62a3e72409592bd34b74e14fdac43e2b137bd59f21f", "name": "x", "preview": {"columns": null, "rows": null, "text": "1", "truncated": false}, "shape": null, "size": 176, "type": "int"}]}], "cells": [{"id": "c0", "index": 0, "seconds": 0.020931173999997554, "started": 1795783245.6935203, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.15037497299999814, "started": 1795783245.6002958, "state": "succeeded"}');
CREATE TABLE events (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	time FLOAT NOT NULL, 
	run TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	data TEXT NOT NULL, 
	FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES(1,1.79578320863297796251e+09,'old-20261127-124008-3c46','run','{}');
INSERT INTO "events" VALUES(2,1.79578320865214872362e+09,'old-20261127-124008-3c46','run','{}');
INSERT INTO "events" VALUES(3,1.79578320899238300318e+09,'old-20261127-124008-3c46','step','{"step": "load"}');
INSERT INTO "events" VALUES(4,1.79578321106227612501e+09,'old-20261127-124008-3c46','cell','{"id": "c1", "index": 1, "state": "running", "step": "load"}');
INSERT INTO "events" VALUES(5,1.79578321108806753152e+09,'old-20261127-124008-3c46','cell','{"id": "c1", "index": 1, "state": "succeeded", "step": "load"}');
INSERT INTO "events" VALUES(6,1.79578321175889587405e+09,'old-20261127-124008-3c46','step','{"step": "load"}');
INSERT INTO "events" VALUES(7,1.79578321192436432835e+09,'old-20261127-124008-3c46','step','{"step": "use"}');
INSERT INTO "events" VALUES(8,1.79578321355825662616e+09,'old-20261127-124008-3c46','cell','{"id": "c2", "index": 2, "state": "running", "step": "use"}');
INSERT INTO "events" VALUES(9,1.79578321357455039024e+09,'old-20261127-124008-3c46','cell','{"id": "c2", "index": 2, "state": "succeeded", "step": "use"}');
INSERT INTO "events" VALUES(10,1.79578321417532324791e+09,'old-20261127-124008-3c46','step','{"step": "use"}');
INSERT INTO "events" VALUES(11,1.79578321422308254239e+09,'old-20261127-124008-3c46','step','{"step": "end"}');
INSERT INTO "events" VALUES(12,1.79578321602215909957e+09,'old-20261127-124008-3c46','cell','{"id": "c3", "index": 3, "state": "running", "step": "end"}');
INSERT INTO "events" VALUES(13,1.79578321604628729814e+09,'old-20261127-124008-3c46','cell','{"id": "c3", "index": 3, "state": "succeeded", "step": "end"}');
INSERT INTO "events" VALUES(14,1.79578321662433719636e+09,'old-20261127-124008-3c46','step','{"step": "end"}');
INSERT INTO "events" VALUES(15,1.79578323431950664522e+09,'old-20261127-124008-3c46','run','{}');
INSERT INTO "events" VALUES(16,1.79578323443507552143e+09,'old-20261127-124008-3c46','step','{"step": "load"}');
INSERT INTO "events" VALUES(17,1.79578323451863503456e+09,'old-20261127-124008-3c46','step','{"step": "use"}');
INSERT INTO "events" VALUES(18,1.79578323459070539475e+09,'old-20261127-124008-3c46','step','{"step": "end"}');
INSERT INTO "events" VALUES(19,1.79578323560422945023e+09,'old-20261127-124008-3c46','run','{}');
INSERT INTO "events" VALUES(20,1.79578324427695417407e+09,'bad-20261127-124044-023d','run','{}');
INSERT INTO "events" VALUES(21,1.79578324430035209655e+09,'bad-20261127-124044-023d','run','{}');
INSERT INTO "events" VALUES(22,1.79578324437857055661e+09,'bad-20261127-124044-023d','step','{"step": "a"}');
INSERT INTO "events" VALUES(23,1.79578324569470334053e+09,'bad-20261127-124044-023d','cell','{"id": "c0", "index": 0, "state": "running", "step": "a"}');
INSERT INTO "events" VALUES(24,1.79578324572210502622e+09,'bad-20261127-124044-023d','cell','{"id": "c0", "index": 0, "state": "succeeded", "step": "a"}');
INSERT INTO "events" VALUES(25,1.79578324616494202619e+09,'bad-20261127-124044-023d','step','{"step": "a"}');
INSERT INTO "events" VALUES(26,1.79578324618394780162e+09,'bad-20261127-124044-023d','step','{"step": "b"}');
INSERT INTO "events" VALUES(27,1.7957832476082024575e+09,'bad-20261127-124044-023d','cell','{"id": "c1", "index": 1, "state": "running", "step": "b"}');
INSERT INTO "events" VALUES(28,1.79578324836227846148e+09,'bad-20261127-124044-023d','cell','{"id": "c1", "index": 1, "state": "failed", "step": "b"}');
INSERT INTO "events" VALUES(29,1.79578324918275499346e+09,'bad-20261127-124044-023d','step','{"step": "b"}');
INSERT INTO "events" VALUES(30,1.79578324918672537803e+09,'bad-20261127-124044-023d','step','{"step": "c"}');
INSERT INTO "events" VALUES(31,1.79578326219232177734e+09,'bad-20261127-124044-023d','run','{}');
INSERT INTO "events" VALUES(32,1.79578326245630621907e+09,'bad-20261127-124044-023d','step','{"step": "a"}');
INSERT INTO "events" VALUES(33,1.79578326249211692807e+09,'bad-20261127-124044-023d','step','{"step": "b"}');
INSERT INTO "events" VALUES(34,1.79578326338272380828e+09,'bad-20261127-124044-023d','run','{}');
CREATE TABLE runs (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	pipeline TEXT NOT NULL, 
	notebook TEXT NOT NULL, 
	folder TEXT NOT NULL, 
	target TEXT NOT NULL, 
	state TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	started FLOAT, 
	ended FLOAT, 
	parameters TEXT NOT NULL, 
	cache BOOLEAN NOT NULL, 
	error TEXT, 
	findings TEXT NOT NULL, 
	owner TEXT, 
	cancel_requested BOOLEAN NOT NULL, 
	experiment_id TEXT, 
	mlflow_run_id TEXT, 
	UNIQUE (id)
);
INSERT INTO "runs" VALUES(1,'old-20261127-124008-3c46','{"cache": true, "experiment": null, "kernel": "python3", "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}, "name": "old", "notebook": "old.ipynb", "parameters": [{"cell_index": 0, "default": "3", "line": 1, "name": "n", "type": "int"}], "preamble": [], "schema": 1, "steps": [{"after": [], "cells": [{"id": "c1", "index": 1, "role": "step", "source": "import random\nxs = [random.random() for _ in range(n)]\nprint(len(xs))"}], "inputs": [], "name": "load", "options": {"annotations": {}, "cache": null, "image": null, "labels": {}, "limits": {}, "report": null, "retries": 0, "secrets": [], "timeout": null}, "outputs": [{"names": ["xs"], "optional": []}], "parameters": ["n"]}, {"after": [], "cells": [{"id": "c2", "index": 2, "role": "step", "source": "total = sum(xs)\nprint(''total'', total)"}], "inputs": [{"names": ["xs"], "source": "load"}], "name": "use", "options": {"annotations": {}, "cache": null, "image": null, "labels": {}, "limits": {}, "report": null, "retries": 0, "secrets": [], "timeout": null}, "outputs": [{"names": ["total"], "optional": []}], "parameters": []}, {"after": [], "cells": [{"id": "c3", "index": 3, "role": "step", "source": "print(total > 0)"}], "inputs": [{"names": ["total"], "source": "use"}], "name": "end", "options": {"annotations": {}, "cache": null, "image": null, "labels": {}, "limits": {}, "report": null, "retries": 0, "secrets": [], "timeout": null}, "outputs": [], "parameters": []}]}','old.ipynb','/notebooks','local','succeeded',1.79578320861035656925e+09,1.79578320864950704573e+09,1.79578323560237336159e+09,'{"n": "3"}',1,NULL,'[]','vm:8968:1795783208609226130',0,'1','1fd3240bc8ca447fa2177d8755d867dd');
INSERT INTO "runs" VALUES(2,'bad-20261127-124044-023d','{"cache": true, "experiment": null, "kernel": "python3", "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}, "name": "bad", "notebook": "bad.ipynb", "parameters": [], "preamble": [], "schema": 1, "steps": [{"after": [], "cells": [{"id": "c0", "index": 0, "role": "step", "source": "x = 1"}], "inputs": [], "name": "a", "options": {"annotations": {}, "cache": null, "image": null, "labels": {}, "limits": {}, "report": null, "retries": 0, "secrets": [], "timeout": null}, "outputs": [{"names": ["x"], "optional": []}], "parameters": []}, {"after": [], "cells": [{"id": "c1", "index": 1, "role": "step", "source": "y = x / 0"}], "inputs": [{"names": ["x"], "source": "a"}], "name": "b", "options": {"annotations": {}, "cache": null, "image": null, "labels": {}, "limits": {}, "report": null, "retries": 0, "secrets": [], "timeout": null}, "outputs": [{"names": ["y"], "optional": []}], "parameters": []}, {"after": [], "cells": [{"id": "c2", "index": 2, "role": "step", "source": "print(y)"}], "inputs": [{"names": ["y"], "source": "b"}], "name": "c", "options": {"annotations": {}, "cache": null, "image": null, "labels": {}, "limits": {}, "report": null, "retries": 0, "secrets": [], "timeout": null}, "outputs": [], "parameters": []}]}','bad.ipynb','/notebooks','local','failed',1.79578324425734710692e+09,1.79578324429206943511e+09,1.79578326338046240801e+09,'{}',1,'Step b failed: Cell 2, line 1 raised ZeroDivisionError: division by zero','[]','vm:9353:1795783244253394828',0,'2','47bcc3af63d442b299da17eba4af7d62');
CREATE TABLE steps (
	run TEXT NOT NULL, 
	name TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	attempt INTEGER NOT NULL, 
	started FLOAT, 
	ended FLOAT, 
	cache_key TEXT, 
	cache_note TEXT, 
	cached_from TEXT, 
	result TEXT, 
	error TEXT, 
	mlflow_run_id TEXT, 
	PRIMARY KEY (run, name), 
	FOREIGN KEY(run) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "steps" VALUES('old-20261127-124008-3c46','load',0,'succeeded',1,1.79578320899003219604e+09,1.79578321173576331134e+09,'5d7bf9d13c0055126852f832409960939d6929d96d67f7d7d9361615454b6ccf','not run before',NULL,'{"artifacts": [{"digest": "7edd524394df3cb40b68ac5c68d0ed9221e3d2c30a78885cbc0fc1b90b7314c6", "names": ["xs"], "path": "/data/artifacts/7e/7edd524394df3cb40b68ac5c68d0ed9221e3d2c30a78885cbc0fc1b90b7314c6", "size": 207, "values": [{"digest": "efc36fe536837bef2c1960283b173d36a92d5ba40bbb37aa60f912196755e79a", "name": "xs", "preview": {"columns": null, "rows": null, "text": "[0.47134410485952194, 0.16652844780681753, 0.9199856770739706]", "truncated": false}, "shape": [3], "size": 207, "type": "list"}]}], "cells": [{"id": "c1", "index": 1, "seconds": 0.03674642099940684, "started": 1795783211.049219, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.2100941270000476, "started": 1795783210.912454, "state": "succeeded"}',NULL,'0abfa07260e04b2dbcfd3035df33bb4c');
INSERT INTO "steps" VALUES('old-20261127-124008-3c46','use',1,'succeeded',1,1.79578321192267537122e+09,1.79578321417375898357e+09,'bf34e624f91c72f3f660983bd0f23aaf5e9889ec8d42838b0236b98325e00413','not run before',NULL,'{"artifacts": [{"digest": "45645d3095de0e0c17f896a1ab91c01e94941e85252fa985a753348947bd22df", "names": ["total"], "path": "/data/artifacts/45/45645d3095de0e0c17f896a1ab91c01e94941e85252fa985a753348947bd22df", "size": 191, "values": [{"digest": "4002d9c35d43708caea3eee206a7c7646039c76eed16492ff18986136be7a99f", "name": "total", "preview": {"columns": null, "rows": null, "text": "1.55785822974031", "truncated": false}, "shape": null, "size": 191, "type": "float"}]}], "cells": [{"id": "c2", "index": 2, "seconds": 0.026201619999483228, "started": 1795783213.545245, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.19606988000305137, "started": 1795783213.40047, "state": "succeeded"}',NULL,'ea58f5fc19d348f390411f07970cf1f9');
INSERT INTO "steps" VALUES('old-20261127-124008-3c46','end',2,'succeeded',1,1.7957832142214505672e+09,1.79578321662280416485e+09,'039054fb44ccf26db6345929750bfe762b74386993833b2d9a182381af0b6f79','not run before',NULL,'{"artifacts": [], "cells": [{"id": "c3", "index": 3, "seconds": 0.025370180999743752, "started": 1795783216.0186677, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.17494821800210048, "started": 1795783215.8838193, "state": "succeeded"}',NULL,'fcbd34eaf1614138bb68777f40223736');
INSERT INTO "steps" VALUES('bad-20261127-124044-023d','a',0,'succeeded',1,1.79578324436696362491e+09,1.79578324616308808328e+09,'20f6e8506fb5f53446fb4636f5f188f98d1a71ae14ff8e9eff80afb89961dba8','not run before',NULL,'{"artifacts": [{"digest": "944d7b8891da4e7297a5e757605f21b8d433cb2763613272ec38ba64782704f9", "names": ["x"], "path": "/data/artifacts/94/944d7b8891da4e7297a5e757605f21b8d433cb2763613272ec38ba64782704f9", "size": 176, "values": [{"digest": "da217d50752f3371d9f8b62a3e72409592bd34b74e14fdac43e2b137bd59f21f", "name": "x", "preview": {"columns": null, "rows": null, "text": "1", "truncated": false}, "shape": null, "size": 176, "type": "int"}]}], "cells": [{"id": "c0", "index": 0, "seconds": 0.020931173999997554, "started": 1795783245.6935203, "state": "succeeded"}], "error": null, "files": [], "metrics": {}, "schema": 1, "seconds": 0.15037497299999814, "started": 1795783245.6002958, "state": "succeeded"}',NULL,'b10f5d41a2b440fa8600fa994bad5dde');
INSERT INTO "steps" VALUES('bad-20261127-124044-023d','b',1,'failed',1,1.79578324618322396279e+09,1.79578324916461586945e+09,'0597c653fd68dec4d8924c8aef058612c556f091b48b446d9740491a66c368ef','not run before',NULL,'{"artifacts": [], "cells": [{"id": "c1", "index": 1, "seconds": 0.7378522870021698, "started": 1795783247.6065476, "state": "failed"}], "error": {"cell_id": "c1", "cell_index": 1, "code": null, "culprit": null, "ename": "ZeroDivisionError", "evalue": "division by zero", "hint": null, "line": 1, "message": "Cell 2, line 1 raised ZeroDivisionError: division by zero", "traceback": ["\u001b[31m---------------------------------------------------------------------------\u001b[39m", "\u001b[31mZeroDivisionError\u001b[39m                         Traceback (most recent call last)", "\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32m2\u001b[39m\u001b[32m, line 1\u001b[39m\n\u001b[32m----> \u001b[39m\u001b[32m1\u001b[39m y = \u001b[30;43mx\u001b[39;49m\u001b[30;43m \u001b[39;49m\u001b[30;43m/\u001b[39;49m\u001b[30;43m \u001b[39;49m\u001b[30;43m0\u001b[39;49m\n", "\u001b[31mZeroDivisionError\u001b[39m: division by zero"], "variable": null}, "files": [], "metrics": {}, "schema": 1, "seconds": 0.8933538259989291, "started": 1795783247.4633915, "state": "failed"}','{"cell_id": "c1", "cell_index": 1, "code": null, "culprit": null, "ename": "ZeroDivisionError", "evalue": "division by zero", "hint": null, "line": 1, "message": "Cell 2, line 1 raised ZeroDivisionError: division by zero", "traceback": ["\u001b[31m---------------------------------------------------------------------------\u001b[39m", "\u001b[31mZeroDivisionError\u001b[39m                         Traceback (most recent call last)", "\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32m2\u001b[39m\u001b[32m, line 1\u001b[39m\n\u001b[32m----> \u001b[39m\u001b[32m1\u001b[39m y = \u001b[30;43mx\u001b[39;49m\u001b[30;43m \u001b[39;49m\u001b[30;43m/\u001b[39;49m\u001b[30;43m \u001b[39;49m\u001b[30;43m0\u001b[39;49m\n", "\u001b[31mZeroDivisionError\u001b[39m: division by zero"], "variable": null}','ddd77cf3b02a4d4cb49d746a2ecb1978');
INSERT INTO "steps" VALUES('bad-20261127-124044-023d','c',2,'skipped',0,NULL,1.7957832491851131916e+09,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_by_notebook ON runs (notebook);
CREATE INDEX cache_by_step ON cache (pipeline, step, created);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',2);
INSERT INTO "sqlite_sequence" VALUES('events',34);
COMMIT;
