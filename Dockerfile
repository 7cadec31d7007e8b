# mixedmode without Rust on the machine:
#     docker build -t mixedmode .
#     docker run --rm -v "$PWD:/work" mixedmode run scenarios
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ make cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY tests tests
COPY docs docs
COPY scenarios scenarios
COPY testdata testdata
COPY examples examples
RUN cargo build --release --locked --bin mixedmode

FROM debian:bookworm-slim
# A recorder under test that is started in this container brings what it needs itself; python3 is for the stand-in of `init own-recorder`.
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=build /source/target/release/mixedmode /usr/local/bin/mixedmode
COPY --from=build /source/scenarios /scenarios
WORKDIR /work
ENTRYPOINT ["mixedmode"]
CMD ["--help"]
