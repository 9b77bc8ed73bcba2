# One image for every verb: `docker run IMAGE serve`, `... jobs`, `... migrate`. compose.yaml puts them together.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/desk

# First the packages, each file checked against its hash; this layer is rebuilt only when a pin changes.
COPY requirements/app.txt requirements/app.txt
RUN pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/app.txt \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin desk \
    && install -d -o desk -g desk var

COPY . .
RUN python -m compileall -q app reference \
    && printf '#!/bin/sh\nPYTHONPATH=/srv/desk exec python -P -m app.programs "$@"\n' > /usr/local/bin/desk \
    && chmod 755 /usr/local/bin/desk

USER desk
VOLUME /srv/desk/var
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["desk"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
