"""What a variable and a module beside the notebook both hold is one object in every step that takes both."""

from __future__ import annotations

import pytest

from .judge import Judge
from .notebooks import cells_of

BANK = """%%writefile bank.py
class Account:
    def __init__(self, number):
        self.number = number
        self.balance = 0
accounts = []
noted = []
def open_account(number):
    accounts.append(Account(number))
    return accounts[-1]
def deposit(number, amount):
    for account in accounts:
        account.balance += amount if account.number == number else 0
def note(rows):
    global noted
    noted = rows
def total():
    return sum(account.balance for account in accounts) + sum(noted)
---
import bank
account, other = bank.open_account(1), bank.open_account(2)
mine = [1]
bank.note(mine)
"""


def notebook(*parts: str) -> list[tuple[str, list[str]]]:
    return cells_of("\n---\n".join((BANK, *parts)))


@pytest.mark.parametrize(
    "steps",
    [
        ("print(account is bank.accounts[0], mine is bank.noted)",),
        ("account.balance += 5; print(bank.total()); bank.deposit(1, 2)", "print(account.balance, bank.total())"),
        ("account.balance += 5", "print(account.balance)"),  # which is not asked for by way of the module
    ],
)
def test_it_is_the_notebooks_where_a_step_takes_both(judge: Judge, steps: tuple[str, ...]) -> None:
    assert judge(notebook(*steps)).outcome == "equal"


@pytest.mark.parametrize(
    "steps",
    [
        ("account.balance += 5", "print(bank.total(), account.balance)"),
        ("bank.deposit(2, 7)", "print(account.balance, other.balance)"),
        ("mine.append(2)", "print(bank.total())"),
    ],
)
def test_altered_by_one_alone_it_stops_the_run_which_is_right_when_it_is_run_again(
    judge: Judge, steps: tuple[str, ...]
) -> None:
    found = judge(notebook(*steps))
    assert (found.outcome, found.said[:5]) == ("alarm", "LL220")


@pytest.mark.parametrize(
    "alter", ["n = m + m", "vars(bank)['log'] = [1, 2]", "setattr(bank, 'log', [1])", "add()", "m.__add__(m)"]
)
def test_what_a_module_keeps_altered_unseen_stops_the_run_which_is_right_when_it_is_run_again(
    judge: Judge, alter: str
) -> None:
    bank = """%%writefile bank.py
log = []
def note(n):
    log.append(n)
class Money:
    def __add__(self, other):
        log.append(1)
        return self
"""
    made = "import bank\nfrom functools import partial\nm = bank.Money()\nadd = partial(bank.note, 4)"
    used = "print(len(bank.log))"
    found = judge(cells_of("\n---\n".join((bank, made, alter, used))))
    assert (found.outcome, found.said[:5]) == ("alarm", "LL221")


def test_a_module_that_only_fills_a_cache_stops_nothing(judge: Judge) -> None:
    bank = "%%writefile bank.py\n_cache = {}\nkept = []\nclass M:\n    def __neg__(self):\n        _cache[1] = 1\n"
    parts = (bank, "import bank\nm = bank.M()\nbank.kept.append(1)", "-m", "print(bank.kept)")
    assert judge(cells_of("\n---\n".join(parts))).outcome != "alarm"
