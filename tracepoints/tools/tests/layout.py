#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""layout.py FILE.svg...: is each picture well laid out?

No text is cut at an edge or runs into a bar, whatever monospace font there is: they are 0.5 to 0.62 em wide. Nothing is
loaded from elsewhere. Bars, marks and steps have a tooltip; there are colours for a dark page.
"""
import math
import re
import sys
import xml.etree.ElementTree as ET

NS = "{http://www.w3.org/2000/svg}"
WIDEST = 0.618


def own_text(element):
    """What is drawn: all but the tooltip."""
    return (element.text or "") + "".join(
        (own_text(c) if c.tag != NS + "title" else "") + (c.tail or "") for c in element)


def check(name):
    faults = []
    root = ET.parse(name).getroot()
    width, height = float(root.get("width")), float(root.get("height"))
    style = root.find(NS + "style").text
    if "prefers-color-scheme: dark" not in style:
        faults.append("no colours for a dark page")
    bars = {}
    for e in root.iter():
        if any("href" in k for k in e.attrib):
            faults.append("has a link")
        if e.tag == NS + "rect" and e.get("rx"):
            bars.setdefault(int(e.get("y")) - 3, []).append(e)
            if float(e.get("x")) + float(e.get("width")) > width:
                faults.append(f"a bar of line {e.get('y')} is cut")
            if e.find(NS + "title") is None:
                faults.append("a bar has no tooltip")
        if e.tag == NS + "path" and e.get("class") != "tick" and e.find(NS + "title") is None:
            faults.append("a mark or a step has no tooltip")
    for e in root.iter(NS + "text"):
        text = own_text(e)
        em = 14 if e.get("class") == "title" else 11
        length = len(text) * em * WIDEST
        turned = re.match(r"translate\(([\d.]+) ([\d.]+)\) rotate\((-?\d+)\)", e.get("transform", ""))
        if turned:
            x, y, angle = (float(v) for v in turned.groups())
            end = x + length * math.cos(math.radians(angle))
            top = y + length * math.sin(math.radians(angle)) - em
            if top < 36:
                faults.append(f"'{text}' is cut at the top")
        else:
            x, y = float(e.get("x")), float(e.get("y"))
            end = x + length
            for bar in bars.get(int(y) - 12, []):
                if x < float(bar.get("x")) < end:
                    faults.append(f"'{text}' runs into a bar")
        if end > width:
            faults.append(f"'{text}' is cut at the right")
        if y > height:
            faults.append(f"'{text}' is below the edge")
    return faults


bad = 0
for arg in sys.argv[1:]:
    for fault in check(arg):
        print(f"{arg}: {fault}")
        bad += 1
sys.exit(bad != 0)
