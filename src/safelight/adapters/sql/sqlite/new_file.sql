-- All tables of revision 0020, as the migrations make them. `python -m tests.adapters.sql.keep` writes this.
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
	models JSON, weight FLOAT DEFAULT 1 NOT NULL, admin BOOLEAN DEFAULT 0 NOT NULL, rate_limit INTEGER, key_group VARCHAR(100), quotas JSON,
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
	steps INTEGER, more_stage_seconds JSON, device_seconds FLOAT, tokens BIGINT,
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
	fingerprint TEXT, created FLOAT DEFAULT 0 NOT NULL, attempts INTEGER DEFAULT 0 NOT NULL, stored_bytes BIGINT DEFAULT 0 NOT NULL, prompt_cuts JSON, end_number BIGINT, average_color VARCHAR(7), holder VARCHAR(64), lease_until FLOAT, tries INTEGER DEFAULT 0 NOT NULL, reservation VARCHAR(64), revised_prompt TEXT, traceparent VARCHAR(64), tracestate VARCHAR(512), began_with TEXT,
	PRIMARY KEY (number),
	UNIQUE (id)
);
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
CREATE TABLE notes (
	name VARCHAR(64) NOT NULL,
	text TEXT NOT NULL,
	PRIMARY KEY (name)
);
CREATE INDEX sessions_expires ON sessions (expires);
CREATE TABLE counters (
	name VARCHAR(64) NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (name)
);
CREATE INDEX jobs_owner ON jobs (owner, listed, number, created, state, model, starred, width, height);
CREATE INDEX jobs_owner_state ON jobs (owner, state, listed, number, created, model, starred, width, height);
CREATE INDEX jobs_owner_model ON jobs (owner, model, listed, number, created, state, starred, width, height);
CREATE INDEX jobs_owner_starred ON jobs (owner, starred, listed, number, created, state, model, width, height);
CREATE INDEX jobs_owner_end ON jobs (owner, listed, end_number);
CREATE INDEX jobs_kept ON jobs (starred, listed, ended);
CREATE INDEX jobs_stored ON jobs (owner, starred, end_number, stored_bytes);
CREATE INDEX jobs_without_picture ON jobs (owner, starred, end_number, file) WHERE file IS NULL AND end_number IS NOT NULL;
CREATE INDEX jobs_held ON jobs (holder, lease_until) WHERE holder IS NOT NULL;
CREATE TABLE processes (
	name VARCHAR(64) NOT NULL,
	address TEXT NOT NULL,
	workers INTEGER NOT NULL,
	seconds FLOAT NOT NULL,
	lease_until FLOAT NOT NULL,
	PRIMARY KEY (name)
);
CREATE TABLE let_in (
	process VARCHAR(64) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	weight FLOAT NOT NULL,
	seconds FLOAT NOT NULL,
	PRIMARY KEY (process, owner)
);
CREATE VIRTUAL TABLE jobs_text USING fts5(words, owner, content='', prefix='1 2', tokenize='unicode61 remove_diacritics 2');
CREATE INDEX keys_group ON keys (key_group);
CREATE TABLE key_groups (
	name VARCHAR(100) NOT NULL,
	quotas JSON NOT NULL,
	PRIMARY KEY (name)
);
CREATE INDEX jobs_reservation ON jobs (reservation) WHERE reservation IS NOT NULL;
CREATE TABLE reservations (
	id VARCHAR(64) NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	day VARCHAR(10) NOT NULL,
	pictures INTEGER NOT NULL,
	each_pictures INTEGER NOT NULL,
	each_megapixels FLOAT NOT NULL,
	each_seconds FLOAT NOT NULL,
	lease_until FLOAT NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX reservations_key ON reservations (key_id);
CREATE TABLE usage (
	key_id VARCHAR(64) NOT NULL,
	day VARCHAR(10) NOT NULL,
	model VARCHAR(200) NOT NULL,
	calls BIGINT NOT NULL,
	pictures BIGINT NOT NULL,
	megapixels FLOAT NOT NULL,
	seconds FLOAT NOT NULL,
	tokens BIGINT NOT NULL,
	last FLOAT NOT NULL,
	PRIMARY KEY (key_id, day, model)
);
CREATE INDEX usage_day ON usage (day);
CREATE TABLE audit (
	id INTEGER NOT NULL,
	time FLOAT NOT NULL,
	who TEXT NOT NULL,
	action VARCHAR(64) NOT NULL,
	subject TEXT NOT NULL,
	"before" JSON,
	"after" JSON,
	PRIMARY KEY (id)
);
CREATE INDEX audit_time ON audit (time);
CREATE TABLE batch_files (
	id VARCHAR(64) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	purpose VARCHAR(16) NOT NULL,
	filename TEXT NOT NULL,
	bytes BIGINT NOT NULL,
	created FLOAT NOT NULL,
	batch_id VARCHAR(64),
	holds VARCHAR(16),
	PRIMARY KEY (id)
);
CREATE INDEX batch_files_owner ON batch_files (owner, created, id);
CREATE INDEX batch_files_batch ON batch_files (batch_id);
CREATE TABLE batches (
	id VARCHAR(64) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	endpoint TEXT NOT NULL,
	input_file_id VARCHAR(64) NOT NULL,
	status VARCHAR(16) NOT NULL,
	created FLOAT NOT NULL,
	begun FLOAT,
	cancelling FLOAT,
	ended FLOAT,
	output_file_id VARCHAR(64),
	error_file_id VARCHAR(64),
	error_code TEXT,
	error_message TEXT,
	metadata JSON,
	total INTEGER DEFAULT 0 NOT NULL,
	holder VARCHAR(64),
	lease_until FLOAT, traceparent VARCHAR(64), tracestate VARCHAR(512),
	PRIMARY KEY (id)
);
CREATE INDEX batches_owner ON batches (owner, created, id);
CREATE INDEX batches_status ON batches (status, created);
CREATE TABLE batch_lines (
	batch_id VARCHAR(64) NOT NULL,
	place INTEGER NOT NULL,
	custom_id TEXT,
	body JSON,
	state VARCHAR(16) NOT NULL,
	tries INTEGER DEFAULT 0 NOT NULL,
	status INTEGER,
	answer JSON,
	pictures JSON,
	error_code TEXT,
	error_message TEXT,
	holder VARCHAR(64),
	lease_until FLOAT, began_with TEXT,
	PRIMARY KEY (batch_id, place),
	FOREIGN KEY(batch_id) REFERENCES batches (id) ON DELETE CASCADE
);
CREATE INDEX batch_lines_state ON batch_lines (batch_id, state, tries, place);
CREATE INDEX batch_lines_held ON batch_lines (holder) WHERE holder IS NOT NULL;
CREATE TABLE notices (
	id VARCHAR(32) NOT NULL,
	time FLOAT NOT NULL,
	process VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	job_id VARCHAR(64) NOT NULL,
	owner VARCHAR(64) NOT NULL,
	listed BOOLEAN NOT NULL,
	PRIMARY KEY (id)
);
CREATE INDEX notices_time ON notices (time);
INSERT INTO alembic_version VALUES ('0020');
INSERT INTO counters VALUES ('endings', 0);
