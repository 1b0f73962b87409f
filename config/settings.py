"""All settings, from the environment or `.env`, each typed and loud when it is wrong.

Without any variable set Loupe runs embedded: SQLite and files under `var/`, a Redis of
its own, the local studio. `.env.example` explains every variable.
"""

import hashlib
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import embedded, environment

BASE_DIR = Path(__file__).resolve().parent.parent
environment.read_env_file(BASE_DIR)

DEBUG = environment.flag("LOUPE_DEBUG")
VAR_DIR = Path(environment.text("LOUPE_VAR_DIR") or BASE_DIR / "var").absolute()
VAR_DIR.mkdir(parents=True, exist_ok=True)
PORT = environment.whole("PORT", default=8000, minimum=1, maximum=65_535)

WEB_CONCURRENCY = environment.whole("WEB_CONCURRENCY", default=2, minimum=1)
LOUPE_PICTURE_WORKERS = environment.whole("LOUPE_PICTURE_WORKERS", default=2, minimum=1)

# --- what is live and what is local -------------------------------------------------
DATABASE_URL = environment.address("DATABASE_URL", schemes=("postgres", "postgresql"))
REDIS_URL = environment.address("REDIS_URL", schemes=("redis", "rediss", "unix"))
REPLICATE_API_TOKEN = environment.text("REPLICATE_API_TOKEN")
REPLICATE_BASE_URL = environment.address(
    "REPLICATE_BASE_URL", schemes=("http", "https"), default="https://api.replicate.com"
)
REPLICATE_WEBHOOK_SECRET = environment.text("REPLICATE_WEBHOOK_SECRET")
ANTHROPIC_API_KEY = environment.text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = environment.address(
    "ANTHROPIC_BASE_URL", schemes=("http", "https"), default="https://api.anthropic.com"
)
COG_URL = environment.address("COG_URL", schemes=("http", "https"))
COG_ABILITIES = environment.words(
    "COG_ABILITIES",
    options=("text", "photoreal", "draft", "illustration", "edit", "inpaint", "upscale"),
    default=("photoreal", "draft", "illustration"),
)
COG_LACKS = environment.words("COG_LACKS", options=("negative_prompt", "seed"), default=())
EXPORT_BUCKET = environment.text("EXPORT_BUCKET")
LOUPE_PUBLIC_URL = environment.address("LOUPE_PUBLIC_URL", schemes=("http", "https"))
# The workspace with made-up campaigns and sign-ins that everybody knows: never in production.
PRODUCTION = environment.flag("LOUPE_PRODUCTION")
LOUPE_DEMO = environment.flag("LOUPE_DEMO", default=True) and not PRODUCTION

# --- security ------------------------------------------------------------------------
SECRET_KEY = environment.text("SECRET_KEY")
if not SECRET_KEY:
    if PRODUCTION:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. In production Loupe does not start without its own: "
            "set SECRET_KEY to at least 50 random characters."
        )
    SECRET_KEY = embedded.secret_key(VAR_DIR)
    # Browsers send a cookie to every port of a host: two houses on one machine need two names.
    _installation = hashlib.sha256(SECRET_KEY.encode()).hexdigest()[:8]
    SESSION_COOKIE_NAME = f"loupe_session_{_installation}"
    CSRF_COOKIE_NAME = f"loupe_csrf_{_installation}"
ALLOWED_HOSTS = environment.listing("ALLOWED_HOSTS", default=("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = environment.listing("CSRF_TRUSTED_ORIGINS")
SESSION_ENGINE = "campaigns.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = environment.flag("SECURE_SSL_REDIRECT", default=True)
    # Probes come from inside, over plain HTTP.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = environment.whole("SECURE_HSTS_SECONDS", default=31_536_000)
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
    "config.security.ContentSecurityPolicyMiddleware",
    "config.outage.OutageMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "campaigns.accounts.requests.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "campaigns.accounts.requests.WorkspaceMiddleware",
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
STATIC_ROOT = Path(environment.text("LOUPE_STATIC_ROOT") or VAR_DIR / "static").absolute()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.StaticFilesStorage"},
    "exports": embedded.export_storage(VAR_DIR),
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# --- background work -----------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or embedded.redis_url(VAR_DIR)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis whose memory is full refuses every message: a worker waits for it like for one that is gone.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_WORKER_CONSUMER = "config.worker:PatientConsumer"
# Steps so many; which connections are still good is asked before each of them (config.celery).
CELERY_DB_REUSE_MAX = 2**62
CELERY_TASK_DEFAULT_QUEUE = "io"
# A nudge may be lost: the sweep finds the work in the table. So never wait for Redis.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    # A worker that waits for work asks anew so often, and ends that much later: at one second it is a sixth of all
    # that Loupe costs at rest.
    "polling_interval": 3,
    # Two tries at once instead of kombu's six seconds: a page that nudges is not kept by a Redis that is gone.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
}
CELERY_TASK_ROUTES = {
    "generation.tasks.mirror_image": {"queue": "cpu"},
}
CELERY_BEAT_SCHEDULE = {
    "tidy-studio": {"task": "generation.tasks.tidy_studio", "schedule": 3600.0},
    "sweep": {"task": "generation.tasks.sweep", "schedule": 15.0},
    "sweep-exports": {"task": "review.tasks.sweep_exports", "schedule": 15.0},
    "sweep-notices": {"task": "review.tasks.sweep_notices", "schedule": 15.0},
    "pulse-io": {
        "task": "generation.tasks.record_worker",
        "schedule": 10.0,
        "args": ("worker-io",),
        "options": {"queue": "io"},
    },
    "pulse-cpu": {
        "task": "generation.tasks.record_worker",
        "schedule": 10.0,
        "args": ("worker-cpu",),
        "options": {"queue": "cpu"},
    },
}

# --- what Loupe may do ---------------------------------------------------------------
REPLICATE_CREATES_PER_MINUTE = environment.whole("REPLICATE_CREATES_PER_MINUTE", default=600, minimum=1)
REPLICATE_DEPLOYMENTS = environment.pairs("REPLICATE_DEPLOYMENTS")
LOUPE_OUTPUT_HOSTS = environment.listing("LOUPE_OUTPUT_HOSTS")
LOUPE_MAX_SHOTS = environment.whole("LOUPE_MAX_SHOTS", default=10_000, minimum=1)
LOUPE_MAX_BRIEF_BYTES = environment.whole("LOUPE_MAX_BRIEF_BYTES", default=204_800, minimum=1)
LOUPE_MAX_REFERENCE_BYTES = environment.whole("LOUPE_MAX_REFERENCE_BYTES", default=20_000_000, minimum=1)
LOUPE_MAX_PIXELS = environment.whole("LOUPE_MAX_PIXELS", default=50_000_000, minimum=1)
LOUPE_WRITER_MODEL = environment.text("LOUPE_WRITER_MODEL", default="claude-sonnet-5-5")
LOUPE_CRITIC_MODEL = environment.text("LOUPE_CRITIC_MODEL", default="claude-haiku-5-5")
LOUPE_ACCEL_PREFIX = environment.text("LOUPE_ACCEL_PREFIX")
DEFAULT_WORKSPACE_BUDGET = environment.money("LOUPE_WORKSPACE_BUDGET", default="50.00")

# --- words and time ------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
EMAIL_BACKEND = environment.text("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = environment.text("EMAIL_HOST", default="localhost")
EMAIL_PORT = environment.whole("EMAIL_PORT", default=25, minimum=1, maximum=65_535)
EMAIL_HOST_USER = environment.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = environment.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = environment.flag("EMAIL_USE_TLS")
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL", default="loupe@localhost")

LOG_LEVEL = environment.choice(
    "LOG_LEVEL", options=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), default="WARNING"
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # the HTTP clients log a line a request: thousands of looks would bury everything else
    "loggers": {"httpx": {"level": "WARNING"}, "httpx2": {"level": "WARNING"}},
}
