"""The report as JUnit XML: a test suite a case, a test a rung, as build servers show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from crosscheck.report.files import write_atomically
from crosscheck.rungs.finding import CRASHED, DIVERGE, NOT_RUN

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, and a traceback may: terminal colors, for example."""

TAGS = {DIVERGE: "failure", CRASHED: "error", NOT_RUN: "skipped"}


def render(document: Mapping[str, Any]) -> str:
    root = Element("testsuites", name="crosscheck", time=f"{document['seconds']:.3f}")
    for case in document["cases"]:
        root.append(suite(case, document["created"]))
    tests = list(root.iter("testcase"))
    root.set("tests", str(len(tests)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        root.set(attribute, str(sum(test.find(tag) is not None for test in tests)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def suite(case: Mapping[str, Any], created: str) -> Element:
    statuses = [rung["status"] for rung in case["rungs"]]
    element = Element("testsuite", name=named(case), timestamp=created, time=f"{case['seconds']:.3f}")
    for attribute, status in (("failures", DIVERGE), ("errors", CRASHED), ("skipped", NOT_RUN)):
        element.set(attribute, str(statuses.count(status)))
    element.set("tests", str(len(statuses)))
    for rung in case["rungs"]:
        test = SubElement(element, "testcase", classname=named(case), name=rung["rung"])
        if rung["status"] in TAGS:
            detail = SubElement(test, TAGS[rung["status"]], message=clean(rung["reason"]))
            if rung["status"] != NOT_RUN:
                detail.text = clean("\n".join(filter(None, [rung["traceback"], f"reproduce: {case['reproduce']}"])))
    return element


def named(case: Mapping[str, Any]) -> str:
    return f"{case['case']} {case['device']}"


def clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def write(document: Mapping[str, Any], path: Path) -> None:
    write_atomically(path, render(document))
