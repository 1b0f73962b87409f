"""What stands in where no URL is given: SQLite, a Redis of our own, files for exports."""

import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from environs import Env


def secret_key(var_dir: Path) -> str:
    """The key of this installation: made once, kept in `var/secret-key`, readable by its owner only."""
    path = var_dir / "secret-key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(64))
    return path.read_text().strip()


def sqlite_database(var_dir: Path) -> dict[str, Any]:
    """SQLite for the one-command start: WAL, IMMEDIATE transactions, a busy timeout of 20 s."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": var_dir / "loupe.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
        },
    }


def postgres_database(url: str) -> dict[str, Any]:
    """PostgreSQL from DATABASE_URL, connections kept for a minute and checked before use."""
    return dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))


def redis_url(var_dir: Path) -> str:
    """The embedded Redis: the address that the process manager wrote, else a closed port."""
    address = var_dir / "redis-url"
    return address.read_text().strip() if address.exists() else "redis://127.0.0.1:1/0"


def export_storage(env: Env, var_dir: Path) -> dict[str, Any]:
    """Where signed finals go: the bucket in EXPORT_BUCKET, else `var/exports/`."""
    bucket = env.str("EXPORT_BUCKET", default="")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": var_dir / "exports"}}
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "endpoint_url": env.str("AWS_ENDPOINT_URL_S3", default="") or env.str("AWS_ENDPOINT_URL", default="") or None,
            "addressing_style": "path",
            "signature_version": "s3v4",
            "file_overwrite": False,
            "default_acl": None,
            "querystring_auth": True,
        },
    }
