# One image for web, workers, beat and the conductor; compose.yaml says which is which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --system --create-home --uid 10001 loupe
WORKDIR /srv/loupe

COPY requirements.lock .
RUN pip install --require-hashes -r requirements.lock

COPY manage.py Procfile ./
COPY config config
COPY campaigns campaigns
COPY generation generation
COPY review review
COPY templates templates
COPY static static

# Static files are part of the image, data is a volume.
ENV LOUPE_VAR_DIR=/data LOUPE_STATIC_ROOT=/srv/loupe/collected
RUN mkdir /data && python manage.py collectstatic --no-input && rm -rf /data/* && chown -R loupe /data
USER loupe
VOLUME /data

ENV LOUPE_PRODUCTION=true PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/readyz', headers={'Host': 'localhost'}); sys.exit(c.getresponse().status != 200)"]

CMD ["python", "-m", "gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", "--no-control-socket"]
