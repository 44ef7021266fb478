# SPDX-License-Identifier: MIT
"""The parts of tools/compare.py, which tells what they are for."""
