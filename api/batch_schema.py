"""The tables of files and batches. A batch's lines and their answers are rows until its output
files are written; that is what makes every answer exactly one, whenever the process dies."""

from pathlib import Path

from api.state import StateDatabase

VERSION = 1

SCHEMA = """
CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    filename TEXT NOT NULL,
    num_bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE TABLE batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    input_file_id TEXT NOT NULL,
    metadata TEXT,
    output_expires_s INTEGER,
    status TEXT NOT NULL,
    ending TEXT,
    model TEXT,
    errors TEXT,
    output_file_id TEXT,
    error_file_id TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    in_progress_at INTEGER,
    finalizing_at INTEGER,
    completed_at INTEGER,
    failed_at INTEGER,
    expired_at INTEGER,
    cancelling_at INTEGER,
    cancelled_at INTEGER,
    num_lines INTEGER NOT NULL DEFAULT 0,
    num_completed INTEGER NOT NULL DEFAULT 0,
    num_failed INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE lines (
    batch_seq INTEGER NOT NULL REFERENCES batches (seq) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    start INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL,
    succeeded INTEGER,
    answer BLOB,
    PRIMARY KEY (batch_seq, number),
    UNIQUE (batch_seq, custom_id)
);
CREATE INDEX open_lines ON lines (batch_seq, number) WHERE answer IS NULL
"""


def batch_database(folder: Path) -> StateDatabase:
    return StateDatabase(folder / "batches.sqlite3", SCHEMA, VERSION)
