"""Text that LaTeX prints as it is, and names that LaTeX can read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_PRINTED = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # a row that begins with one would be read as an option of the line break before it
    "*": "{*}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{EM DASH}": "---",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{NOT EQUAL TO}": r"$\neq$",
    "\N{ALMOST EQUAL TO}": r"$\approx$",
    "\N{RIGHTWARDS ARROW}": r"$\rightarrow$",
    "\N{BULLET}": r"\textbullet{}",
    "\N{CHECK MARK}": r"$\surd$",
    "\N{MULTIPLICATION X}": r"$\times$",
    "\N{LEFT SINGLE QUOTATION MARK}": "`{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": r"\textquotedblleft{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": r"\textquotedblright{}",
    "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{SUPERSCRIPT MINUS}": r"\textsuperscript\textminus{}",
    **{raised: rf"\textsuperscript {digit}" for digit, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}
_GREEK = re.compile(r"GREEK (?P<size>SMALL|CAPITAL) LETTER (?P<name>[A-Z]+)")
_LOOK_LATIN = (
    "omicron",
    "Alpha",
    "Beta",
    "Epsilon",
    "Zeta",
    "Eta",
    "Iota",
    "Kappa",
    "Mu",
    "Nu",
    "Omicron",
    "Rho",
    "Tau",
    "Chi",
)
# Letters up to here have a place in the T1 encoding, but for these.
_LAST_IN_T1 = 0x17E
_NOT_IN_T1 = frozenset("\u0126\u0127\u0138\u013f\u0140\u0149\u0166\u0167\N{SOFT HYPHEN}")
_JOINING = "-,'"  # two of one of these in a row are joined to another sign: "--" to a dash
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def escape_latex(text: str) -> str:
    r"""Return `text` with every character that LaTeX would read as a command made printable.

    A letter that the fonts of pdfLaTeX lack becomes ``\atlasletter{<hexadecimal code>}``, which the report's preamble defines:
    the letter where the engine has a font with it, else its code. Signs that cannot be seen are left out.
    """
    one_line = re.sub(r"\s*[\n\r\u2028\u2029]\s*", " ", unicodedata.normalize("NFC", text))
    return "".join(("{}" if joined else "") + _printed(character) for joined, character in _joined(one_line))


def macro_name(*words: str) -> str:
    r"""Return the name of a macro, letters alone: ``("k-NN", "dino_s8")`` becomes ``\KNNDinoSEight``.

    A word keeps its capitals and begins with one; a digit is spelled out; whatever else stands between words is left out.
    """
    plain = unicodedata.normalize("NFKD", " ".join(words)).encode("ascii", "ignore").decode()
    parts = re.findall(r"[A-Za-z]+|\d", plain)
    return "\\" + "".join(_DIGITS[int(part)] if part.isdigit() else part[0].upper() + part[1:] for part in parts)


def _joined(text: str) -> Iterator[tuple[bool, str]]:
    """Yield each character, and whether it would be joined to the one before."""
    for before, character in pairwise(f" {text}"):
        yield before == character and character in _JOINING, character


def _greek(character: str) -> str | None:
    """Return a Greek letter as mathematics, which every engine has; None for others, and where TeX has no name."""
    found = _GREEK.fullmatch(unicodedata.name(character, ""))
    if not found:
        return None
    name = found["name"].lower().replace("lamda", "lambda")
    name = name if found["size"] == "SMALL" else name.capitalize()
    return None if name in _LOOK_LATIN else rf"$\{name}$"


def _printed(character: str) -> str:
    if character in _PRINTED:
        return _PRINTED[character]
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0 or unicodedata.category(character) in ("Cf", "Cs", "Co", "Cn"):
        return ""
    if code < 0x7F or (code <= _LAST_IN_T1 and character not in _NOT_IN_T1):
        return character
    return _greek(character) or rf"\atlasletter{{{code:04X}}}"
