# One image for every service and the command line; compose.yaml says which one a container runs.

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY shared shared
COPY services services
RUN python -m venv /opt/zonegit \
 && /opt/zonegit/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin zonegit
COPY --from=build /opt/zonegit /opt/zonegit
ENV PATH=/opt/zonegit/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ZONEGIT_DATA=/data
USER zonegit
WORKDIR /data
VOLUME /data
# UDP and TCP. An unprivileged port: the host's port 53 is mapped to it.
EXPOSE 5300/udp 5300/tcp 9153/tcp
CMD ["zonegit", "--help"]
