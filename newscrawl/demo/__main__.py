"""``python -m newscrawl.demo``: the bundled aggregator standing alone, until Ctrl-C or SIGTERM."""

import argparse
import signal
import threading

from newscrawl.demo.server import DemoServer


def main() -> None:
    """Serves until a signal ends it; the first line of output names the address."""
    parser = argparse.ArgumentParser(prog="python -m newscrawl.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--articles", type=int, default=260)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    chosen = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with DemoServer(chosen.articles, chosen.seed, port=chosen.port, latency=chosen.latency) as server:
        print(f"demo aggregator at {server.base_url}", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
