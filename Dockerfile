# A server of one model:  docker build -t keras_colorize .
#   docker run --stop-timeout 90 -p 127.0.0.1:8501:8501 -v "$PWD/models/series:/model:ro" \
#       -e KERAS_COLORIZE_TOKEN keras_colorize --name series
FROM python:3.12-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home server
# The lock file holds the versions that the tests have passed with; of it, only what is needed.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    --mount=type=bind,source=requirements.lock,target=/requirements.lock \
    pip install --no-cache-dir --constraint /requirements.lock \
        "$(echo /wheels/*.whl)[serve]"
USER server
WORKDIR /home/server
ENV PYTHONUNBUFFERED=1
EXPOSE 8501
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz')"]
ENTRYPOINT ["keras-colorize", "serve", "/model", "--host", "0.0.0.0"]
