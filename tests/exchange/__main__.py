"""Random stores through our own formats, and damaged files of all formats.

`python -m tests.exchange [--stores N]`: what the tests try with 60 stores, with N.
"""

import argparse
import sys

from hypothesis import given

from tests.exchange.support import STORES, examples
from tests.exchange.test_hostile import DAMAGED, try_damaged
from tests.exchange.test_own import try_store


def main() -> None:
    """Try every property; the first failure ends the program with its example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=2000)
    stores = parser.parse_args().stores
    examples(stores)(given(STORES)(try_store))()
    sys.stdout.write(f"json, ndjson, csv: {stores:,} stores came back\n")
    examples(stores)(given(DAMAGED)(try_damaged))()
    sys.stdout.write(f"damaged: {stores:,} files were read or refused\n")


if __name__ == "__main__":
    main()
