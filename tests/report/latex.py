"""LaTeX taken apart, compiled, and what it said."""

import re
import shutil
import subprocess

LATEX = shutil.which("latexmk")


def latex_rows(text):
    """Return the cells of each row, after checking that the fragment is whole."""
    lines = text.strip().splitlines()
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "adjustbox", "tabular"]
    bare = re.sub(r"\\[\\{}$&#%_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[%#]", bare)
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert len(re.findall(r"\\caption\{", text)) == len(re.findall(r"\\label\{tab:[\w-]+\}", text)) == 1
    body = lines[lines.index(r"\toprule") + 1 : lines.index(r"\bottomrule")]
    rows = [line for line in body if line not in (r"\midrule", r"\addlinespace")]
    assert all(re.search(r" \\\\\*?$", row) for row in rows)
    assert not any(row.lstrip().startswith(("[", "*")) for row in rows)  # would be an option of the line break before
    return [re.split(r"(?<!\\)&", re.sub(r" \\\\\*?$", "", row)) for row in rows]


def latex_columns(text):
    spec = re.search(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}", text).group(1)
    return re.findall(r"S\[table-format=[^,]*|(?<![\w>{\\])[lr](?=[lrS>]|$)|p\{[\d.]+\\linewidth\}", spec)


def compiled(folder):
    """Compile the report in `folder`; return LaTeX's log and how many pages the PDF has."""
    done = subprocess.run(
        [LATEX, "-pdf", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    log = (folder / "report.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, re.findall(r"^!.*(?:\n.*){6}", log, re.MULTILINE)[:2]
    return log, int(re.search(r"Output written on report.pdf \((\d+) pages", log).group(1))


def faults(log):
    """Return what LaTeX says is wrong on the pages: what sticks out by more than 2 pt, and what refers to nothing."""
    wide = [line for line in log.splitlines() if (out := re.match(r"Overfull \\.box \(([\d.]+)pt", line)) and float(out[1]) > 2]
    said = re.findall(
        r"^(?:LaTeX|Package \w+) Warning:.*(?:undefined|multiply|too large|may have changed).*$", log, re.MULTILINE
    )
    return wide + said
