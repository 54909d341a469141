"""The bundled aggregator: generated newspapers in the family's markup, served on loopback, and the truth of each page.

It imports nothing else of newscrawl, so that what it calls true is independent of the parsers that are tested with it.
"""

from newscrawl.demo.server import DemoServer

__all__ = ["DemoServer"]
