# The environment that `make` installs on Debian; `docker build -t ser-tinyml .`, then `docker run ser-tinyml COMMAND`.
FROM debian:bookworm
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends ca-certificates make python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /ser-tinyml
COPY tools/install_debian_packages.sh tools/
RUN tools/install_debian_packages.sh && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make install
ENV PATH="/ser-tinyml/.venv/bin:$PATH"
ENTRYPOINT ["ser-tinyml"]
CMD ["--help"]
