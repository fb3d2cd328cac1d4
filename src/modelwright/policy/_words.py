"""Words of a problem and of column names, brought to a common form: tokens, stems, abbreviations and concepts.

A concept is a group of words that say the same when people speak of what they want predicted. Concepts of events
(somebody leaves, something fails) and of quantities (a price, a demand) are typical of targets; the others only help
to see that a client is a customer.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import cache

EVENTS = (
    "churn churner cancel cancellation leave attrition quit unsubscribe exit turnover resign resignation depart lapse",
    "failure fail breakdown fault faulty malfunction outage break broken defect defective",
    "default bad delinquent delinquency repay repayment insolvent insolvency bankrupt bankruptcy",
    "fraud fraudulent scam cheat swindle forged counterfeit",
    "survive survival survivor alive die death dead mortality deceased fatal perish",
    "spam junk unwanted phishing",
    "sentiment opinion polarity",
    "satisfaction satisfied satisfy",
    "approve approval grant accept acceptance admit admission reject rejection refuse refusal deny decision status",
    "action decision grant approve refuse allow",
    "click clicked ctr",
    "convert conversion buy purchase purchased order",
    "subscribe subscription deposit",
    "respond response react",
    "readmit readmission",
    "disease diagnosis diagnose sick ill illness",
    "malignant benign malignancy cancerous cancer tumor tumour diagnosis",
    "delay delayed late punctual",
    "win winner victory lose loss",
    "attack intrusion malware malicious",
    "refund refunded",
    "complain complaint",
    "claim",
    "rain rainfall precipitation rainy",
    "hire promote promotion",
    "edible poisonous toxic",
    "attend attendance noshow absent",
    "infect infection infected",
    "occupied occupancy",
    "bought purchase",
)
QUANTITIES = (
    "price cost worth amount sell sale value fee rent fare tariff pay payment charge expense bill",
    "income salary earn earning wage compensation",
    "demand consumption usage load use",
    "sale revenue",
    "count number total quantity",
    "temperature hot cold warm heat",
    "age old",
    "duration long length time",
    "distance far",
    "speed fast velocity",
    "weight heavy mass",
    "height tall",
    "strength strong",
    "efficiency economy mpg",
    "concentration level",
    "yield output production harvest",
    "quality score rating grade star mark rank",
    "emission co2",
    "humidity humid",
)
KINDS = ("class category type kind sort group species variety genre label segment",)
PLAIN = (
    "trip travel journey visit",
    "passenger people traveller visitor",
    "home house housing property apartment flat dwelling",
    "median typical average mean",
    "car vehicle auto automobile",
    "customer client subscriber user member consumer",
    "employee worker staff",
    "movie film",
    "wine beverage",
    "machine equipment device",
    "student pupil",
    "flight plane",
    "tomorrow later ahead next",
    "truth true actual reference",
)
ABBREVIATIONS = {
    "temp": "temperature", "amt": "amount", "qty": "quantity", "num": "number", "no": "number", "nr": "number",
    "nbr": "number", "avg": "average", "med": "median", "yr": "year", "yrs": "year", "mo": "month", "h": "hour",
    "hr": "hour", "hrs": "hour", "wk": "week", "pct": "percent", "perc": "percent", "cnt": "count", "val": "value",
    "tgt": "target", "lbl": "label", "cls": "class", "dept": "department", "cust": "customer", "emp": "employee",
    "prod": "product", "acct": "account", "trans": "transaction", "txn": "transaction", "rev": "revenue",
    "dur": "duration", "dist": "distance", "wt": "weight", "ht": "height", "hum": "humidity", "vol": "volume",
    "gt": "truth", "conc": "concentration", "cond": "condition", "qual": "quality", "sal": "salary", "exp": "expense",
    "tot": "total", "pop": "population", "sqft": "area", "diag": "diagnosis", "resp": "response",
}  # fmt: skip
FORMULAS = {
    "carbon monoxide": "co", "carbon dioxide": "co2", "nitrogen dioxide": "no2", "nitrogen oxides": "nox",
    "nitrogen oxide": "nox", "ozone": "o3", "sulfur dioxide": "so2", "sulphur dioxide": "so2", "benzene": "c6h6",
    "methane": "ch4", "ammonia": "nh3", "particulate matter": "pm", "fine dust": "pm",
}  # fmt: skip
IRREGULAR = {
    "sold": "sell", "bought": "buy", "left": "leave", "leaves": "leave", "paid": "pay", "repaid": "repay",
    "died": "die", "dying": "die", "broke": "break", "won": "win", "lost": "lose", "rated": "rating", "used": "use",
    "using": "use",
}  # fmt: skip
_STOP = (
    "a an the of for to in on at by with and or not is are was were be been being will would should could can may do"
    " does did has have had it its they them their this that these those which who whom whose what when where why how"
    " if whether we us our you your i my me he she his her as from than then there here about into per each every any"
    " some all more most much many so such just only also too very out up down over under between among while get got"
    " go going want need like likely please data dataset table row rows column columns file model build make train"
    " predict predicting prediction estimate estimating forecast forecasting classify classification regression"
    " determine identify detect find tell guess work based using given one two first second"
)
STOPWORDS = frozenset(_STOP.split())
CALENDAR = frozenset({"year", "month", "day", "week", "hour", "minute", "date", "weekday", "quarter", "timestamp"})
_CHUNK = re.compile(r"[^\W_]+", re.UNICODE)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+", re.UNICODE)


def fold(text: str) -> str:
    """Lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


@cache
def name_tokens(name: str) -> tuple[str, ...]:
    """The words of a column name: ``SalePrice`` → sale, price; ``failure_24h`` → failure, 24, hour; ``CO2`` → co2."""
    found: list[str] = []
    for chunk in _CHUNK.findall(name[:300]):
        whole = fold(chunk)
        if whole in FORMULAS.values() or (chunk[0].isalpha() and re.fullmatch(r"[A-Za-z]+\d+", chunk)):
            found.append(whole)
            continue
        found += [fold(part) for part in _CAMEL.findall(chunk)]
    return tuple(ABBREVIATIONS.get(token, token) for token in found)


def text_tokens(text: str) -> list[str]:
    """The words of a text in lower case; ``24h`` is split and abbreviations are written out."""
    found: list[str] = []
    for chunk in _CHUNK.findall(fold(text).replace("'s ", " ")):
        parts = re.findall(r"\d+|\D+", chunk) if re.fullmatch(r"\d+[a-z]{1,3}", chunk) else [chunk]
        found += [ABBREVIATIONS.get(p, p) if len(parts) > 1 or len(p) > 2 else p for p in parts]
    return found


@cache
def stem(word: str) -> str:
    """The word without its English endings; crude on purpose, the same for both sides of a comparison."""
    w = IRREGULAR.get(word, word)
    if len(w) > 4 and w.endswith("ies"):
        w = w[:-3] + "y"
    elif len(w) > 3 and w.endswith("s") and not w.endswith(("ss", "us", "is")):
        w = w[:-1]
    for ending in ("ation", "ing", "ed"):
        if w.endswith(ending) and len(w) - len(ending) >= 3 and re.search("[aeiouy]", w[: -len(ending)]):
            w = w[: -len(ending)]
            break
    if len(w) > 3 and w[-1] == w[-2] and w[-1] not in "sz":
        w = w[:-1]
    return w[:-1] if len(w) > 3 and w.endswith("e") else w


@cache
def _concepts() -> dict[str, tuple[tuple[str, ...], str]]:
    """From stem to the concepts it belongs to, and what sort of concept they are."""
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for sort, groups in (("event", EVENTS), ("quantity", QUANTITIES), ("kind", KINDS), ("plain", PLAIN)):
        for group in groups:
            words = group.split()
            for word in words:
                before, earlier = found.get(stem(word), ((), sort))
                found[stem(word)] = ((*before, words[0]), earlier)
    return found


def concepts(word: str) -> tuple[str, ...]:
    """The concepts of a word, named by their first words."""
    return _concepts().get(stem(word), ((), ""))[0]


def sort_of(word: str) -> str:
    """``event``, ``quantity``, ``kind``, or ``plain`` for every other word."""
    return _concepts().get(stem(word), ((), "plain"))[1]


@cache
def likeness(a: str, b: str) -> float:
    """How surely two words mean the same, 0 to 1: same stem, same concept, abbreviation, or a slip of spelling."""
    if a == b or stem(a) == stem(b):
        return 1.0
    if set(concepts(a)) & set(concepts(b)):
        return 0.85
    short, long = sorted((a, b), key=len)
    if a.isdigit() or b.isdigit() or len(short) < 4 or short[0] != long[0]:
        return 0.0
    if long.startswith(short):
        return 0.75
    if len(short) >= 5 and len(long) - len(short) <= 2 and difflib.SequenceMatcher(None, a, b).ratio() >= 0.86:
        return 0.8
    return 0.0


def same_tokens(a: str, b: str) -> bool:
    """Whether two names differ only in case, separators and abbreviations."""
    return bool(name_tokens(a)) and name_tokens(a) == name_tokens(b)
