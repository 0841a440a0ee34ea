# SPDX-License-Identifier: Apache-2.0
"""The one variable that makes long tests longer or shorter."""
import pytest

from harness.size import scaled


@pytest.mark.parametrize("size, rounds", [
    ("small", 40), ("normal", 200), ("large", 2000), ("3", 600)])
def test_the_size_scales_the_rounds(monkeypatch, size, rounds):
    monkeypatch.setenv("POSTERN_TEST_SIZE", size)
    assert scaled(200) == rounds


def test_a_long_test_never_shrinks_to_nothing(monkeypatch):
    monkeypatch.setenv("POSTERN_TEST_SIZE", "small")
    assert scaled(1) == 1
    assert scaled(10, least=5) == 5
