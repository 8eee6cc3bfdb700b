"""Pictures are read in threads: in order, few at a time, and no longer than somebody asks."""

import threading
import time

import pytest

from forgetting.audit import read_ahead as module
from forgetting.audit.read_ahead import read_ahead


def test_results_come_in_order_however_long_each_takes():
    def read(number):
        time.sleep(0.002 * (number % 3))
        return number**2

    assert [one.result() for one in read_ahead(read, range(50))] == [k**2 for k in range(50)]
    assert [one.result() for one in list(read_ahead(read, range(50)))] == [k**2 for k in range(50)]
    assert list(read_ahead(read, [])) == []


def test_no_more_are_read_ahead_than_it_says():
    begun = []
    for place, _ in enumerate(read_ahead(begun.append, range(200))):
        time.sleep(0.001)
        assert len(begun) <= place + 1 + module.AHEAD
    assert sorted(begun) == list(range(200))


def test_what_a_picture_raises_is_raised_at_its_place_and_the_threads_end():
    def read(number):
        if number == 3:
            raise OSError("broken")
        return number

    before = set(threading.enumerate())
    reading = read_ahead(read, range(1000))
    assert [next(reading).result() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="broken"):
        next(reading).result()
    assert next(reading).result() == 4
    reading.close()
    assert set(threading.enumerate()) <= before
