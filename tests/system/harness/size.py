# SPDX-License-Identifier: Apache-2.0
"""How long the long tests are: POSTERN_TEST_SIZE, described in script/test."""
import os

FACTORS = {"small": 0.2, "normal": 1, "large": 10}


def scaled(normal, least=1):
    """normal rounds, fewer or more as POSTERN_TEST_SIZE asks."""
    size = os.environ.get("POSTERN_TEST_SIZE", "normal")
    factor = FACTORS[size] if size in FACTORS else int(size)
    return max(least, round(normal * factor))
