# The project's commands in a container:
#
#   docker build -t modhttp .
#   docker run --rm -it --network host modhttp                      the demo, at http://localhost:8080
#   docker run --rm -it -v "$PWD/build:/modhttp/build" modhttp make firmware
#   docker run --rm -it modhttp make test
FROM debian:trixie
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git iproute2 make python3
WORKDIR /modhttp
COPY . .
RUN python3 tools/need.py test && python3 tools/build.py host && python3 tools/build.py firmware
CMD ["make", "run"]
