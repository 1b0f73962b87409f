"""All settings, from the environment or `.env`, each typed and loud when it is wrong.

Without any variable set Loupe runs embedded: SQLite and files under `var/`, a Redis of
its own, the local studio. `.env.example` explains every variable.
"""

from decimal import Decimal
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environs import Env

from config import embedded

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(str(BASE_DIR / ".env"), recurse=False)

DEBUG = env.bool("DEBUG", default=False)
VAR_DIR = Path(env.str("LOUPE_VAR_DIR", default="") or BASE_DIR / "var").absolute()
VAR_DIR.mkdir(parents=True, exist_ok=True)

# --- what is live and what is local -------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="")
REPLICATE_API_TOKEN = env.str("REPLICATE_API_TOKEN", default="")
REPLICATE_BASE_URL = env.str("REPLICATE_BASE_URL", default="https://api.replicate.com")
ANTHROPIC_API_KEY = env.str("ANTHROPIC_API_KEY", default="")
COG_URL = env.str("COG_URL", default="")
EXPORT_BUCKET = env.str("EXPORT_BUCKET", default="")
LOUPE_PUBLIC_URL = env.str("LOUPE_PUBLIC_URL", default="").rstrip("/")

# --- security ------------------------------------------------------------------------
PRODUCTION = env.bool("LOUPE_PRODUCTION", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if PRODUCTION:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. In production Loupe does not start without its own: "
            "set SECRET_KEY to at least 50 random characters."
        )
    SECRET_KEY = embedded.secret_key(VAR_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- the house -----------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "campaigns",
    "generation",
    "review",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "campaigns.access.WorkspaceMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "review.context.house",
            ],
        },
    }
]

# --- data ----------------------------------------------------------------------------
DATABASES = {
    "default": embedded.postgres_database(DATABASE_URL) if DATABASE_URL else embedded.sqlite_database(VAR_DIR),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "campaigns.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "inbox"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

MEDIA_ROOT = VAR_DIR / "media"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    "exports": embedded.export_storage(env, VAR_DIR),
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# --- background work -----------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or embedded.redis_url(VAR_DIR)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "io"
# A nudge may be lost: the sweep finds the work in the table. So never wait for Redis.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
CELERY_TASK_ROUTES = {
    "generation.tasks.mirror_image": {"queue": "cpu"},
}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "generation.tasks.sweep", "schedule": 15.0},
    "pulse-io": {"task": "generation.tasks.pulse", "schedule": 10.0, "args": ("worker-io",), "options": {"queue": "io"}},
    "pulse-cpu": {"task": "generation.tasks.pulse", "schedule": 10.0, "args": ("worker-cpu",), "options": {"queue": "cpu"}},
}

# --- what Loupe may do ---------------------------------------------------------------
REPLICATE_CREATES_PER_MINUTE = env.int("REPLICATE_CREATES_PER_MINUTE", default=600)
LOUPE_OUTPUT_HOSTS = env.list("LOUPE_OUTPUT_HOSTS", default=[])
LOUPE_MAX_SHOTS = env.int("LOUPE_MAX_SHOTS", default=10_000)
LOUPE_MAX_BRIEF_BYTES = env.int("LOUPE_MAX_BRIEF_BYTES", default=200_000)
LOUPE_MAX_REFERENCE_BYTES = env.int("LOUPE_MAX_REFERENCE_BYTES", default=20_000_000)
LOUPE_MAX_PIXELS = env.int("LOUPE_MAX_PIXELS", default=50_000_000)
LOUPE_WRITER_MODEL = env.str("LOUPE_WRITER_MODEL", default="claude-sonnet-5-5")
LOUPE_CRITIC_MODEL = env.str("LOUPE_CRITIC_MODEL", default="claude-haiku-5-5")
DEFAULT_WORKSPACE_BUDGET = Decimal(env.str("LOUPE_WORKSPACE_BUDGET", default="50.00"))

# --- words and time ------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
