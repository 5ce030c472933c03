"""Which value of a label counts as 1: by the words in it, by its number, else the rarer one."""

from __future__ import annotations

import dataclasses
import re

BAD, GOOD = 1, -1
SINGLE = {"yes": BAD, "y": BAD, "true": BAD, "t": BAD, "no": GOOD, "n": GOOD, "false": GOOD,
          "f": GOOD}  # that mean something only if they are all there is
WORDS = {
    **dict.fromkeys(
        "arrears attrited attrition bad bankrupt bankruptcy canceled cancelled charge_off "
        "charged_off chargedoff chargeoff churn churned default defaulted defaulter defaults "
        "delinquency delinquent exited failed foreclosed foreclosure fraud fraudulent insolvency "
        "insolvent late left loss lost malicious malignant missed overdue past_due repossessed "
        "risky scam spam suspicious unpaid write_off written_off".split(), BAD),
    **dict.fromkeys(
        "active benign clean current existing genuine good healthy legit legitimate normal ok "
        "paid performing punctual repaid retained safe solvent stayed".split(), GOOD)}
PHRASES = [word for word in WORDS if "_" in word]
NEGATIONS = ("no", "not", "non", "never", "none", "without", "nor", "cannot")
# What a label is called of which 1 is as often what nobody fears.
HOPED = ("accepted", "approved", "granted", "passed", "success", "successful", "survived")
FEARED = ("away",)  # undoes that: passed_away
REACH = 3  # words behind a negation that it may mean


@dataclasses.dataclass(frozen=True)
class Guess:
    positive: str
    how: str


def guess(values: dict[str, int]) -> Guess:
    """The positive one of two values {value: rows}, and how it was found."""
    judged = {value: judge(value) for value in values}
    for sign in (BAD, GOOD):
        named = [value for value in values if judged[value][0] == sign]
        if len(named) != 1:
            continue
        word = f"guessed from the word '{judged[named[0]][1]}'"
        if sign == BAD:
            return Guess(named[0], word)
        return Guess(next(value for value in values if value != named[0]), f"{word} in the other")
    denied = [value for value in values if any(map(_negates, words_of(value)))]
    if len(denied) == 1:
        positive = next(value for value in values if value != denied[0])
        return Guess(positive, "guessed, as the other denies something")
    ones = [value for value in values if _is_one_beside(value, values)]
    if len(ones) == 1:
        return Guess(ones[0], "guessed, as it is 1 beside 0 or -1")
    return Guess(rarest(values), "guessed, as it is the rarer one")


def doubt(label: str, values: dict[str, int], positive: str) -> str:
    """Why `positive`, as it was guessed, may be the wrong one of `values`; "" without a reason."""
    if values[positive] > sum(values.values()) / 2:
        return "it is the more frequent one"
    if _sounds_good(words_of(label)) and _judge_words(words_of(positive))[0] != BAD:
        return "the label's name sounds as if it were the good outcome"
    return ""


def _sounds_good(words: list[str]) -> bool:
    sign, _ = _judge_words(words)
    hoped = any(word in HOPED for word in words) and not any(word in FEARED for word in words)
    return sign == GOOD or (hoped and sign != BAD)


def candidates(values: dict[str, int]) -> list[str]:
    """Those of more than two values that sound positive, 1 among words as well; of numbers all but
    0 and what is below; the rarest if none does."""
    numbers = {value: _number(value) for value in values}
    if all(number is not None for number in numbers.values()):
        likely = [value for value, number in numbers.items() if number is not None and number > 0]
        return likely if 0 < len(likely) < len(values) else [rarest(values)]
    return [value for value in values
            if judge(value)[0] == BAD or numbers[value] == 1] or [rarest(values)]


def tells_good_from_bad(values: dict[str, int]) -> bool:
    return any(judge(value)[0] for value in values)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def rarest(values: dict[str, int]) -> str:
    return min(values, key=lambda value: values[value])


def judge(value: str) -> tuple[int, str]:
    """BAD, GOOD or 0, and the word that says so. One bad thing is enough: "paid late" is bad."""
    words = words_of(value)
    if len(words) == 1 and words[0] in SINGLE:
        return SINGLE[words[0]], words[0]
    return _judge_words(words)


def words_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'t)?", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())


def _judge_words(words: list[str]) -> tuple[int, str]:
    text = " ".join(words)
    for phrase in PHRASES:
        text = text.replace(phrase.replace("_", " "), phrase)
    said = list(_signs(text.split()))
    return next((found for found in said if found[0] == BAD), said[0] if said else (0, ""))


def _signs(words: list[str]) -> list[tuple[int, str]]:
    """A negation means the next word that says something, and those joined to it by "or"."""
    found, negated_until = [], -1
    for i, word in enumerate(words):
        if _negates(word):
            negated_until = i + REACH
            continue
        sign, plain = _sign(word)
        if not sign:
            continue
        negated = i <= negated_until
        found.append((-sign if negated else sign, f"{'not ' if negated else ''}{plain}"))
        negated_until = i + REACH if negated and words[i + 1:i + 2] == ["or"] else -1
    return found


def _negates(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't")


def _sign(word: str) -> tuple[int, str]:
    """Of one word: "nondefault" and "unpaid" too."""
    if word in WORDS:
        return WORDS[word], word.replace("_", " ")
    for prefix in ("non", "un"):
        rest = word.removeprefix(prefix)
        if rest != word and rest in WORDS:
            return -WORDS[rest], word
    return 0, ""


def _is_one_beside(value: str, values: dict[str, int]) -> bool:
    """1 beside 0 or -1, however written; of 1 and 2 it is as often the good one."""
    numbers = {_number(text) for text in values}
    return _number(value) == 1.0 and numbers in ({0.0, 1.0}, {-1.0, 1.0})
