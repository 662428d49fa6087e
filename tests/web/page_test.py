# SPDX-License-Identifier: Apache-2.0
"""The daemon's page, in a real browser, on real processes: with a mouse, with keys alone, on a phone."""

import argparse
import sys
import unittest

import setting
from readers import Keyboard, Looks
from safety import Absence, Safety, Token
from views import FlameGraph, History, Leak, Processes

__all__ = ["Absence", "FlameGraph", "History", "Keyboard", "Leak", "Looks", "Processes", "Safety", "Token"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("coroscope", "programs", "pictures"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("tests", nargs="*", help="as of unittest: Leak, Token.test_...")
    setting.options = parser.parse_args()
    program = unittest.main(argv=[sys.argv[0], "-v", *setting.options.tests], exit=False, warnings="ignore")
    sys.exit(0 if program.result.testsRun > 0 and program.result.wasSuccessful() and not program.result.skipped else 1)


if __name__ == "__main__":
    main()
