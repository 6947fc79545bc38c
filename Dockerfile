# One image for all services and the command line; compose.yaml chooses the program of a container.

# Images are pinned by digest, packages by hash (requirements/). The tag before a digest is only for
# readers; `docker buildx imagetools inspect python:3.11-slim` prints its current digest.

FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7 AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements requirements
RUN python -m venv /opt/zonegit \
 && /opt/zonegit/bin/pip install --require-hashes --requirement requirements/run.txt \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --requirement requirements/dev.txt
COPY pyproject.toml README.md LICENSE ./
COPY shared shared
COPY services services
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/zonegit/bin/pip install --no-deps /dist/*.whl

FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7
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
