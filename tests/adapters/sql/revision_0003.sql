-- The tables of revision 0003, with one job.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE keys (
	id VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	hint VARCHAR(8) NOT NULL, 
	digest BLOB NOT NULL, 
	created BIGINT NOT NULL, 
	revoked BIGINT, 
	models JSON, weight FLOAT DEFAULT 1 NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (digest)
);
CREATE TABLE ledger (
	id INTEGER NOT NULL, 
	request_id TEXT NOT NULL, 
	time FLOAT NOT NULL, 
	key_id VARCHAR(64) NOT NULL, 
	model TEXT NOT NULL, 
	drawn_by TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	seed BIGINT, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	output_format TEXT NOT NULL, 
	image_bytes BIGINT NOT NULL, 
	total_seconds FLOAT NOT NULL, 
	queue_seconds FLOAT NOT NULL, 
	wait_seconds FLOAT, 
	encode_prompt_seconds FLOAT, 
	denoise_seconds FLOAT, 
	decode_seconds FLOAT, 
	image_encode_seconds FLOAT, 
	steps INTEGER, 
	PRIMARY KEY (id)
);
CREATE INDEX ledger_time ON ledger (time);
CREATE INDEX ledger_key_time ON ledger (key_id, time);
CREATE TABLE jobs (
	number INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	request_id TEXT NOT NULL, 
	model TEXT NOT NULL, 
	drawn_by TEXT NOT NULL, 
	prompt TEXT NOT NULL, 
	request JSON NOT NULL, 
	seed BIGINT NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	output_format TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	started FLOAT, 
	ended FLOAT, 
	starred BOOLEAN NOT NULL, 
	listed BOOLEAN NOT NULL, 
	error_code TEXT, 
	error_message TEXT, 
	file TEXT, 
	image_bytes BIGINT, 
	fingerprint TEXT, 
	PRIMARY KEY (number), 
	UNIQUE (id)
);
CREATE INDEX jobs_owner ON jobs (owner, listed, number);
CREATE INDEX jobs_owner_state ON jobs (owner, state, listed, number);
CREATE INDEX jobs_owner_model ON jobs (owner, model, listed, number);
CREATE INDEX jobs_owner_starred ON jobs (owner, starred, listed, number);
CREATE INDEX jobs_owner_ended ON jobs (owner, ended);
CREATE INDEX jobs_kept ON jobs (starred, ended, image_bytes);
CREATE INDEX jobs_unfinished ON jobs (number) WHERE state IN ('queued', 'running');
CREATE TABLE idempotency (
	owner VARCHAR(64) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	digest BLOB NOT NULL, 
	job_id VARCHAR(64) NOT NULL, 
	created FLOAT NOT NULL, 
	PRIMARY KEY (owner, "key"), 
	FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX idempotency_created ON idempotency (created);
CREATE INDEX idempotency_job ON idempotency (job_id);
CREATE TABLE sessions (
	digest BLOB NOT NULL, 
	key_id VARCHAR(64) NOT NULL, 
	proof TEXT NOT NULL, 
	created FLOAT NOT NULL, 
	expires FLOAT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE VIRTUAL TABLE jobs_text USING fts5(prompt, owner, content='jobs', content_rowid='number', tokenize='unicode61 remove_diacritics 2');
CREATE TRIGGER jobs_text_added AFTER INSERT ON jobs BEGIN INSERT INTO jobs_text(rowid, prompt, owner) VALUES (new.number, new.prompt, new.owner); END;
CREATE TRIGGER jobs_text_deleted AFTER DELETE ON jobs BEGIN INSERT INTO jobs_text(jobs_text, rowid, prompt, owner) VALUES ('delete', old.number, old.prompt, old.owner); END;
INSERT INTO alembic_version VALUES ('0003');
INSERT INTO jobs (number, id, owner, request_id, model, drawn_by, prompt, request, seed, width, height, output_format, state, starred, listed)
VALUES (1795348800000001, 'job_1', 'key-a', 'r', 'postcard', 'postcard', '森林里的红色狐狸', '{"prompt": "森林里的红色狐狸"}', 7, 64, 64, 'png', 'queued', 0, 1);
INSERT INTO jobs (number, id, owner, request_id, model, drawn_by, prompt, request, seed, width, height, output_format, state, ended, starred, listed)
VALUES (1795348800000002, 'job_2', 'key-a', 'r', 'postcard', 'postcard', 'a boat', '{"prompt": "a boat"}', 7, 64, 64, 'png', 'cancelled', 1795348860.0, 0, 1),
       (1795348800000003, 'job_3', 'key-a', 'r', 'postcard', 'postcard', 'a boat', '{"prompt": "a boat"}', 7, 64, 64, 'png', 'cancelled', 1795348830.0, 0, 1);
