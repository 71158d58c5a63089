"""An analysis as one self-contained page."""

from __future__ import annotations

import base64
from html import escape

from ..log.catalogue import Catalogue
from ..metrics.analysis.analysis import Analysis
from .cases_report import case_rows, heading, notes
from .plot_fonts import use_font
from .plots import draw_run
from .report import MARKS, finding_texts, title_of
from .report_rows import epoch_rows, value_rows
from .value_plots import draw_values
from .worst_cases import WorstCases

STYLE = """
:root { color-scheme: light dark; --line: #8883; --dim: #777; --warn: #b45309; --bad: #dc2626; --ok: #047857; }
@media (prefers-color-scheme: dark) { :root { --warn: #fbbf24; --bad: #f87171; --ok: #34d399; --dim: #999; } }
body { font: 16px/1.55 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; max-width: 60rem;
  margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; } h2 { font-size: 1rem; margin-top: 2rem; color: var(--dim); font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .9rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--dim); font-weight: 500; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
img { width: 100%; height: auto; background: #fff; border-radius: 6px; }
ul { list-style: none; padding: 0; } li { padding: .55rem 0 .55rem 1.8rem; border-bottom: 1px solid var(--line);
  position: relative; } li > i { position: absolute; left: .2rem; font-style: normal; }
.warning > i, .warning b { color: var(--warn); } .error > i, .error b { color: var(--bad); }
li b { font-weight: 600; } .info b { font-weight: 400; }
small { display: block; color: var(--dim); font-size: .9rem; }
.ok { color: var(--ok); }
"""


def page(analysis: Analysis, cases: WorstCases | None, sheet: bytes | None, catalogue: Catalogue) -> bytes:
    """The page in UTF-8; everything it needs is in it. `sheet` is the picture of the worst cases."""
    done = analysis.epochs[analysis.epochs["status"] == "completed"]
    title = escape(title_of(analysis, catalogue))
    parts = [
        f'<!doctype html>\n<html lang="{catalogue.lang}">\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>",
    ]
    if len(done):
        parts.append(_table(*epoch_rows(done, analysis.best_epoch, catalogue)))
    if analysis.values:
        parts.append(_table(*value_rows(analysis.values, catalogue)))
    parts.append(f"<h2>{escape(catalogue.text('report_findings'))}</h2>\n<ul>")
    for finding in analysis.findings:
        said, advice = finding_texts(finding, analysis.files, catalogue)
        mark = MARKS[finding.severity][0]
        parts.append(
            f'<li class="{finding.severity}"><i>{mark}</i><b>{escape(said)}</b><small>{escape(advice)}</small></li>'
        )
    parts.append("</ul>")
    if all(finding.severity == "info" for finding in analysis.findings):
        parts.append(f'<p class="ok">{escape(catalogue.text("report_no_alarm"))}</p>')
    of_plots = catalogue if use_font(catalogue.lang) else Catalogue("en")
    if len(done):
        parts.append(_picture(draw_run(analysis, of_plots), title))
    if analysis.values:
        parts.append(_picture(draw_values(analysis, of_plots), title))
    if cases is not None and sheet is not None:
        parts.append(f"<h2>{escape(heading(cases, catalogue))}</h2>")
        parts.append(_table(*case_rows(cases, catalogue)))
        parts += [f"<p><small>{escape(note)}</small></p>" for note in notes(cases, catalogue)]
        parts.append(_picture(sheet, title))
    return ("\n".join(parts) + "\n</html>\n").encode()


def _picture(data: bytes, title: str) -> str:
    return f'<img alt="{title}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def _table(titles: list[str], rows: list[list[str]]) -> str:
    lines = _row(titles, "th") + "".join(_row(row, "td") for row in rows)
    return f'<div class="scroll"><table>{lines}</table></div>'


def _row(cells: list[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"
