"""A LaTeX table taken apart."""

import re


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
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular"]
    bare = re.sub(r"\\[\\{}$&#%_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[%#]", bare)
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert len(re.findall(r"\\caption\{", text)) == len(re.findall(r"\\label\{tab:\w+\}", text)) == 1
    body = lines[lines.index(r"\toprule") + 1 : lines.index(r"\bottomrule")]
    rows = [line for line in body if line != r"\midrule"]
    assert all(row.endswith(r" \\") for row in rows)
    assert not any(row.lstrip().startswith(("[", "*")) for row in rows)  # would be an option of the line break before
    return [re.split(r"(?<!\\)&", row.removesuffix(r" \\")) for row in rows]


def latex_columns(text):
    spec = re.search(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}", text).group(1)
    return re.findall(r"l|r|p\{[\d.]+\\textwidth\}", spec)
