# The service on an NVIDIA GPU; CUDA 13 and cuDNN 9 come as Python packages, so only the
# driver is needed (docker run --gpus all). From the repository's root: docker build -f deploy/cuda.Dockerfile .
ARG BASE=python:3.12-slim
FROM ${BASE} AS build
WORKDIR /build
COPY deploy/gpu.lock ./
RUN python -m venv /opt/poselift \
    && /opt/poselift/bin/pip install --no-cache-dir --require-hashes -r gpu.lock
COPY pyproject.toml README.md LICENSE ./
COPY poselift poselift
COPY service service
RUN /opt/poselift/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/poselift/bin/pip uninstall --yes setuptools

FROM ${BASE}
# It refuses to start without keys: docker run -e POSELIFT_API_KEYS=… or -e POSELIFT_API_KEYS_FILE=…
RUN useradd --system --uid 10001 poselift
COPY --from=build /opt/poselift /opt/poselift
USER poselift
ENV POSELIFT_PROVIDERS=cuda POSELIFT_STRICT_PROVIDERS=true POSELIFT_HOST=0.0.0.0 POSELIFT_MANAGEMENT_PORT=8081 PYTHONUNBUFFERED=1
EXPOSE 8000 50051
HEALTHCHECK --start-period=30s --interval=10s CMD ["/opt/poselift/bin/python", "-c", \
    "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:%s/readyz' % os.environ['POSELIFT_MANAGEMENT_PORT'], timeout=3)"]
ENTRYPOINT ["/opt/poselift/bin/python", "-m", "service"]
