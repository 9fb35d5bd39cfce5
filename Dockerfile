# Two stages: the first has the compiler, the second the program and little else.
FROM rust:1-slim-bookworm AS build
WORKDIR /src
# Only what `cargo build` reads: a change to tests or documents rebuilds nothing here.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY api api
COPY migrations migrations
COPY shared shared
COPY src src
COPY tests tests
COPY worker worker
COPY xtask xtask
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package convoke && \
    install -D target/release/convoke /out/convoke

FROM debian:bookworm-slim
# Certificates for SMTP and Redis over TLS; no shell login, no home to write to, one folder that is the program's.
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin convoke && \
    install -d -o convoke -g convoke -m 0700 /var/lib/convoke
COPY --from=build /out/convoke /usr/local/bin/convoke
USER convoke
WORKDIR /var/lib/convoke
VOLUME /var/lib/convoke
ENV CONVOKE_BIND=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["convoke", "doctor", "--live"]
ENTRYPOINT ["convoke"]
CMD ["serve"]
