"""``everybatch analyze [RUN …] [--batch_metrics] [--html] [--json]``: what a training did, and what to try next."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..log.catalogue import Catalogue
from ..log.streams import print_json
from ..metrics.analysis.analysis import Analysis, analyse
from ..metrics.analysis.compare import Comparison, compare
from ..metrics.analysis.run_files import RunFiles, newest, runs_in
from ..metrics.analysis.tables import TableError
from ..metrics.analysis.values import ValueStory
from ..run.paths import is_file, is_folder
from ..run.registry import RegisteredRun, all_runs, distance, find_run, first_run, newest_run, read_run, runs_below
from .analyze_flags import PROGRAM, AnalyzeConfig
from .arguments import parse
from .cases_report import told_cases
from .report import finding_texts, print_comparison, print_report
from .worst_cases import SECONDS, WorstCases, may_be_judged

EXIT_BAD_RUN = 3


def analyze(arguments: Sequence[str], catalogue: Catalogue) -> int:
    """Analyse and report; 0, or 3 when a run failed or holds NaN. Raises `UsageError`."""
    config = parse(AnalyzeConfig, arguments, PROGRAM)
    asked: Sequence[str | None] = config.runs or (None,)
    analyses = [_analysed(_readable(name), config.batch_metrics, catalogue) for name in asked]
    comparison = compare(analyses) if len(analyses) > 1 else None
    if config.json:
        print_json(_as_json(analyses, comparison, catalogue))
    else:
        _report(analyses, comparison, catalogue, html=config.html)
    return EXIT_BAD_RUN if any(analysis.bad for analysis in analyses) else 0


def _report(
    analyses: Sequence[Analysis], comparison: Comparison | None, catalogue: Catalogue, *, html: bool
) -> None:
    judged = []
    seconds = SECONDS / max(1, sum(may_be_judged(analysis.files) for analysis in analyses))
    for analysis in analyses:
        print_report(analysis, catalogue)
        judged.append((analysis, told_cases(analysis.files, seconds, catalogue)))
    if comparison is not None:
        print_comparison(comparison, catalogue)
    drawn = [(one, cases) for one, cases in judged if len(one.epochs) or one.values or cases]
    if not drawn:
        return
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells at length where it keeps its cache
    try:
        from .plot_fonts import use_font
        from .plots import draw_comparison
    except OSError as error:  # it has no place for a cache at all
        print(catalogue.text("report_no_plots", reason=error.strerror or str(error)), file=sys.stderr)
        return
    if not use_font(catalogue.lang):
        print(catalogue.text("report_no_font"))
        catalogue_of_plots = Catalogue("en")
    else:
        catalogue_of_plots = catalogue
    for analysis, cases in drawn:
        _draw(analysis, cases, catalogue, catalogue_of_plots, html=html)
    compared = [analysis for analysis, _ in drawn if len(analysis.epochs)]
    if comparison is not None and len(compared) > 1:
        path = compared[0].files.folder / f"comparison_{compared[0].files.run_id}.png"
        _save(path, draw_comparison(compared, comparison.metric, catalogue_of_plots), "report_files", catalogue)


def _draw(
    analysis: Analysis, cases: WorstCases | None, catalogue: Catalogue, catalogue_of_plots: Catalogue, *, html: bool
) -> None:
    """The pictures of one run, and its page."""
    from .plots import draw_run
    from .value_plots import draw_values

    folder, run_id = analysis.files.folder, analysis.files.run_id
    if len(analysis.epochs):
        picture = draw_run(analysis, catalogue_of_plots)
        _save(folder / f"analysis_{run_id}.png", picture, "report_files", catalogue)
    if analysis.values:
        picture = draw_values(analysis, catalogue_of_plots)
        _save(folder / f"values_{run_id}.png", picture, "report_files", catalogue)
    sheet = None
    if cases is not None and cases.worst:
        from .cases_sheet import draw_cases

        sheet = draw_cases(run_id, cases, catalogue_of_plots)
        _save(folder / f"cases_{run_id}.png", sheet, "report_files", catalogue)
    if html:
        from .html import page

        path = folder / f"analysis_{run_id}.html"
        _save(path, page(analysis, cases, sheet, catalogue), "report_page", catalogue)


def _save(path: Path, data: bytes, said: str, catalogue: Catalogue) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        print(
            catalogue.text("report_not_written", path=str(path), reason=error.strerror or str(error)),
            file=sys.stderr,
        )
    else:
        print(catalogue.text(said, path=str(path)))


def _analysed(files: RunFiles, with_batches: bool, catalogue: Catalogue) -> Analysis:
    if with_batches and not files.batch_csvs:
        print(catalogue.text("report_no_batches"), file=sys.stderr)
        with_batches = False
    try:
        return analyse(files, with_batches=with_batches)
    except TableError as error:
        raise UsageError("not_csv", path=str(error.path), missing=error.missing) from error
    except OSError as error:
        path, reason = str(error.filename or files.folder), error.strerror or str(error)
        raise UsageError("analyze_unreadable", path=path, reason=reason) from error


def _readable(asked: str | None) -> RunFiles:
    try:
        return _find(asked)
    except OSError as error:
        path, reason = str(error.filename or asked), error.strerror or str(error)
        raise UsageError("analyze_unreadable", path=path, reason=reason) from error


# ---- which run --------------------------------------------------------------------------------------------


def _find(asked: str | None) -> RunFiles:
    """The files of the run that a person names; a path need not be one of a run that is known here."""
    if asked is None:
        return _first()
    path = Path(asked)
    if is_file(path):
        return _of_file(path)
    if is_folder(path):
        return _of_folder(path)
    runs = all_runs()
    here = [run for run in runs if distance(run) == 0 and run.run_id.startswith(asked)]
    copied = [files for run_id, files in runs_in(Path("metrics")).items() if run_id.startswith(asked)]
    if not here and len(copied) == 1:
        return copied[0]
    return _of_known(find_run(asked))


def _first() -> RunFiles:
    """The run that is meant when none is named: one of this folder, be it only its files, before all others."""
    run = first_run(all_runs())
    if run is None or distance(run) > 0:
        copied = newest(runs_in(Path("metrics")).values()) or newest(runs_in(Path()).values())
        if copied is not None:
            return copied
    if run is None:
        raise UsageError("no_runs")
    return _of_known(run)


def _of_known(run: RegisteredRun) -> RunFiles:
    folder = run.folder.epoch_csv.parent
    files = runs_in(folder).get(run.run_id) or RunFiles(run.run_id, folder)
    files.journal = run.folder.journal
    files.checkpoints = run.folder.checkpoints
    files.state = run.state
    files.cause = str(run.content.get("cause") or "")
    files.foreign = run.foreign
    files.score = str(run.content.get("score") or "")
    config = run.content.get("config")
    files.config = dict(config) if isinstance(config, dict) else {}
    files.config["nproc"] = run.content.get("world_size", files.config.get("nproc"))
    return files


def _of_folder(folder: Path) -> RunFiles:
    run = read_run(folder.absolute()) or newest_run(runs_below(folder))
    if run is not None:
        return _of_known(run)
    copied = newest(runs_in(folder / "metrics").values()) or newest(runs_in(folder).values())
    if copied is None:
        raise UsageError("analyze_nothing", path=str(folder))
    return copied


def _of_file(path: Path) -> RunFiles:
    for run in runs_in(path.parent).values():
        if path in run.epoch_csvs + run.batch_csvs:
            return run
    return RunFiles(path.stem, path.parent, epoch_csvs=[path])


# ---- JSON -------------------------------------------------------------------------------------------------


def _as_json(analyses: Sequence[Analysis], comparison: Comparison | None, catalogue: Catalogue) -> Any:
    objects = [_object(analysis, catalogue) for analysis in analyses]
    if comparison is None:
        return objects[0]
    compared = {**asdict(comparison), "clear": comparison.clear}
    return _finite({"runs": objects, "comparison": compared})


def _object(analysis: Analysis, catalogue: Catalogue) -> dict[str, Any]:
    findings = []
    for finding in analysis.findings:
        said, advice = finding_texts(finding, analysis.files, catalogue)
        told = {"kind": finding.kind, "severity": finding.severity, "text": said}
        findings.append({**told, "figures": finding.figures, "suggestion": advice})
    found: dict[str, Any] = _finite(
        {
            "run": analysis.files.run_id,
            "state": analysis.files.state,
            "epochs": int((analysis.epochs["status"] == "completed").sum()),
            "best_epoch": analysis.best_epoch,
            "values": [_value(value) for value in analysis.values],
            "findings": findings,
        }
    )
    return found


def _value(value: ValueStory) -> dict[str, Any]:
    names = ("name", "early", "late", "least", "most", "mean", "nonfinite")
    return {**{name: getattr(value, name) for name in names}, "count": len(value.numbers)}


def _finite(value: Any) -> Any:
    """JSON knows no nan and no infinity."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
